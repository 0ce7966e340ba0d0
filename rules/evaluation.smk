# Evaluation of a held-out task.


rule evaluate:
    input:
        base_model=base_model_files,
        samples="results/{experiment}/samples/{task}/test.parquet",
        seen_samples=seen_samples,
        adapters=evaluated_files,
    output:
        evaluation="results/{experiment}/evaluation/{task}.json",
        predictions="results/{experiment}/evaluation/{task}.predictions.parquet",
    log:
        "results/{experiment}/logs/evaluate/{task}.log",
    benchmark:
        "results/{experiment}/benchmarks/evaluate/{task}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=240,
    params:
        script=script("evaluate"),
        code=code("evaluate"),
        state="results/{experiment}/state/evaluate/{task}.safetensors",
        base_model=base_model,
        evaluation=without_counts("evaluation", "draws", "trained", "multi_task_samples"),
        free=free_answers,
        sources=evaluated_names,
        seen_tasks=seen_tasks,
        seed=seed,
    shell:
        "exec python {params.script} --log {log} --experiment {wildcards.experiment} --held-out {wildcards.task}"
        " --base-model {params.base_model:q} --evaluation {params.evaluation:q} --seed {params.seed}"
        " {params.free:q} --samples {input.samples}"
        " --sources {params.sources} --adapters {input.adapters}"
        " --seen-tasks {params.seen_tasks} --seen-samples {input.seen_samples}"
        " --output {output.evaluation} --predictions {output.predictions} --state {params.state}"
