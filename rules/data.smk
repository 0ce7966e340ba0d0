# Raw tables from the Hub, local folders, files of one's own or the pocket world; samples; models from the Hub.


rule raw:
    input:
        code=code("raw"),
        files=raw_files,
    output:
        table="results/raw/{source}/{task}/{split}.parquet",
        manifest="results/raw/{source}/{task}/{split}.manifest.json",
    log:
        "results/logs/raw/{source}/{task}/{split}.log",
    benchmark:
        "results/benchmarks/raw/{source}/{task}/{split}.tsv"
    localrule: True
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        source=raw_source,
        location=raw_location,
        questions=raw_questions,
    shell:
        "python {input.code[0]} --source {params.source:q} --task {wildcards.task} --location {params.location:q}"
        " {params.questions} --split {wildcards.split} --output {output.table} 2>&1 | tee {log}"


rule samples:
    input:
        code=code("samples"),
        raw=raw_table,
    output:
        "results/{experiment}/samples/{task}/{split}.parquet",
    log:
        "results/{experiment}/logs/samples/{task}/{split}.log",
    benchmark:
        "results/{experiment}/benchmarks/samples/{task}/{split}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        task=task_rendering,
        format=task_format,
    shell:
        "python {input.code[0]} --raw {input.raw} --task {wildcards.task} --task-config {params.task:q}"
        " {params.format:q} --split {wildcards.split} --output {output} 2>&1 | tee {log}"


rule model:
    input:
        code=code("model"),
    output:
        "results/models/{model}.json",
    log:
        "results/logs/models/{model}.log",
    benchmark:
        "results/benchmarks/models/{model}.tsv"
    localrule: True
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        hub=hub_model,
        revision=hub_revision,
    shell:
        "python {input.code[0]} --hub {params.hub} --revision {params.revision} --output {output} 2>&1 | tee {log}"
