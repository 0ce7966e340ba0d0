# Prompts as the encoder sees them; every prompt is encoded once, whatever else changes.


rule embeddings:
    input:
        code=code("embeddings"),
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
        state="results/{experiment}/state/embeddings/{task}.safetensors",
        encoder=stage("encoder"),
        prompts=stage("prompts"),
        seed=seed,
    shell:
        "python {input.code[0]} --encoder {params.encoder:q} --prompts {params.prompts:q} --seed {params.seed}"
        " --samples {input.samples} --task {wildcards.task} --cache results/cache/embeddings --output {output}"
        " --state {params.state} 2>&1 | tee {log}"
