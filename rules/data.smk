# Raw tables from the Hub, local folders, files of one's own or the pocket world; samples; models from the Hub.


rule raw:
    input:
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
        script=script("raw"),
        code=code("raw"),
        source=raw_source,
        location=raw_location,
        questions=raw_questions,
    shell:
        "exec python {params.script} --log {log} --source {params.source:q} --task {wildcards.task} --location {params.location:q}"
        " {params.questions} --split {wildcards.split} --output {output.table}"


rule samples:
    input:
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
        script=script("samples"),
        code=code("samples"),
        task=task_rendering,
        format=task_format,
        least_prompts=least_prompts,
    shell:
        "exec python {params.script} --log {log} --raw {input.raw} --task {wildcards.task} --task-config {params.task:q}"
        " {params.format:q} --split {wildcards.split} --least-prompts {params.least_prompts} --output {output}"


rule model:
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
        script=script("model"),
        code=code("model"),
        hub=hub_model,
        revision=hub_revision,
    shell:
        "exec python {params.script} --log {log} --hub {params.hub} --revision {params.revision} --output {output}"


rule package_model:
    output:
        [f"results/models/{{packaged}}/{file}" for file in [*MODEL_FILES, "run.json"]],
    log:
        "results/logs/models/{packaged}.log",
    benchmark:
        "results/benchmarks/models/{packaged}.tsv"
    localrule: True
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        script=script("package_model"),
        code=code("package_model"),
        base_model=packaged_model,
        folder=subpath(output[0], parent=True),
    shell:
        "exec python {params.script} --log {log} --base-model {params.base_model:q} --output {params.folder}"
