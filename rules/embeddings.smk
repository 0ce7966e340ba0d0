# Prompts as the encoder sees them; every prompt is encoded once, whatever else changes.


rule embeddings:
    input:
        encoder=encoder_files,
        samples="results/{experiment}/samples/{task}/train.parquet",
    output:
        "results/{experiment}/embeddings/{task}.parquet",
    log:
        "results/{experiment}/logs/embeddings/{task}.log",
    benchmark:
        "results/{experiment}/benchmarks/embeddings/{task}.tsv"
    priority: BEFORE_GENERATORS
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        script=script("embeddings"),
        code=code("embeddings"),
        state="results/{experiment}/state/embeddings/{task}.safetensors",
        encoder=stage("encoder"),
        prompts=stage("prompts"),
        seed=seed,
    shell:
        "exec python {params.script} --log {log} --encoder {params.encoder:q} --prompts {params.prompts:q} --seed {params.seed}"
        " --samples {input.samples} --task {wildcards.task} --cache results/cache/embeddings --output {output}"
        " --state {params.state}"


# An experiment may have one job encode the prompts of so many tasks, with the encoder loaded once.
for name in EXPERIMENT_FILES:
    for number, tasks in enumerate(experiment(name).together(experiment(name).jobs.embeddings), 1):

        rule:
            name:
                f"embeddings_{name}_{number}"
            input:
                encoder=about(name, encoder_files),
                samples=expand(f"results/{name}/samples/{{task}}/train.parquet", task=tasks),
            output:
                expand(f"results/{name}/embeddings/{{task}}.parquet", task=tasks),
            log:
                f"results/{name}/logs/embeddings/together_{number}.log",
            benchmark:
                f"results/{name}/benchmarks/embeddings/together_{number}.tsv"
            conda:
                "../envs/p2w.yaml"
            params:
                script=script("embeddings"),
                code=code("embeddings"),
                states=listed(f"results/{name}/state/embeddings/{task}.safetensors" for task in tasks),
                tasks=listed(tasks),
                encoder=about(name, stage("encoder")),
                prompts=about(name, stage("prompts")),
                seed=about(name, seed),
            shell:
                "exec python {params.script} --log {log} --encoder {params.encoder:q} --prompts {params.prompts:q}"
                " --seed {params.seed} --samples {input.samples} --task {params.tasks}"
                " --cache results/cache/embeddings --output {output} --state {params.states}"

        in_place_of("embeddings", f"embeddings_{name}_{number}")
