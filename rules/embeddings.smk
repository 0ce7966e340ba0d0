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
