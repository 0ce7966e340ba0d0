# What generators in closed form read of a task: its mean adapter and its mean prompt, in one small file.


rule centroid:
    input:
        checkpoints=checkpoints_of_task,
        embeddings="results/{experiment}/embeddings/{task}.parquet",
    output:
        "results/{experiment}/centroids/{task}.safetensors",
    log:
        "results/{experiment}/logs/centroid/{task}.log",
    benchmark:
        "results/{experiment}/benchmarks/centroid/{task}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        script=script("centroid"),
        code=code("centroid"),
    shell:
        "exec python {params.script} --log {log} --checkpoints {input.checkpoints} --embeddings {input.embeddings}"
        " --output {output}"


# An experiment whose jobs encode the prompts of so many tasks has them read for as many at once, too.
for name in filter(has_closed_form, EXPERIMENT_FILES):
    for number, tasks in enumerate(experiment(name).together(experiment(name).jobs.embeddings), 1):

        rule:
            name:
                f"centroid_{name}_{number}"
            input:
                checkpoints=expand(f"results/{adapters_of(name)}/checkpoints/{{task}}.parquet", task=tasks),
                embeddings=expand(f"results/{name}/embeddings/{{task}}.parquet", task=tasks),
            output:
                expand(f"results/{name}/centroids/{{task}}.safetensors", task=tasks),
            log:
                f"results/{name}/logs/centroid/together_{number}.log",
            benchmark:
                f"results/{name}/benchmarks/centroid/together_{number}.tsv"
            conda:
                "../envs/p2w.yaml"
            params:
                script=script("centroid"),
                code=code("centroid"),
            shell:
                "exec python {params.script} --log {log} --checkpoints {input.checkpoints} --embeddings {input.embeddings}"
                " --output {output}"

        in_place_of("centroid", f"centroid_{name}_{number}")
