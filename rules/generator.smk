# The generator for everybody: fitted on all tasks of an experiment, none held out, for prompts of any task. It is of the
# experiment's own kind; where that is the decoder and hours are too many, an heir of the experiment with
# `generator: {kind: ridge}` shares its adapters and is fitted in seconds.


use rule generator as generator_of_all with:
    input:
        every("centroids/{task}.safetensors"),
    output:
        weights="results/{experiment}/generator/generator.safetensors",
        run="results/{experiment}/generator/run.json",
    log:
        "results/{experiment}/logs/generator_of_all.log",
    benchmark:
        "results/{experiment}/benchmarks/generator_of_all.tsv"
    wildcard_constraints:
        experiment=one_of(CLOSED),
    params:
        generator=own_generator,
        held_out=[],


use rule decoder as decoder_of_all with:
    input:
        checkpoints=every("checkpoints/{task}.parquet"),
        embeddings=every("embeddings/{task}.parquet"),
    output:
        weights="results/{experiment}/generator/generator.safetensors",
        metrics="results/{experiment}/generator/metrics.csv",
        run="results/{experiment}/generator/run.json",
    log:
        "results/{experiment}/logs/generator_of_all.log",
    benchmark:
        "results/{experiment}/benchmarks/generator_of_all.tsv"
    wildcard_constraints:
        experiment=one_of(DECODERS),
    params:
        state="results/{experiment}/state/generator_of_all.safetensors",
        seed=seed,
        held_out=[],


use rule learned_generator as learned_generator_of_all with:
    input:
        checkpoints=every("checkpoints/{task}.parquet"),
        embeddings=every("embeddings/{task}.parquet"),
        samples=every("samples/{task}/train.parquet"),
        base_model=base_model_files,
    output:
        weights="results/{experiment}/generator/generator.safetensors",
        metrics="results/{experiment}/generator/metrics.csv",
        run="results/{experiment}/generator/run.json",
    log:
        "results/{experiment}/logs/generator_of_all.log",
    benchmark:
        "results/{experiment}/benchmarks/generator_of_all.tsv"
    wildcard_constraints:
        experiment=one_of(LEARNED),
    params:
        generator=own_generator,
        state="results/{experiment}/state/generator_of_all.safetensors",
        seed=seed,
        tasks=every_task,
        held_out=[],


rule generator_folder:
    input:
        generator="results/{experiment}/generator/generator.safetensors",
        embeddings=every("embeddings/{task}.parquet"),
        samples=every("samples/{task}/train.parquet"),
    output:
        settings="results/{experiment}/generator/config.json",
        tasks="results/{experiment}/generator/tasks.safetensors",
        card="results/{experiment}/generator/README.md",
    log:
        "results/{experiment}/logs/generator_folder.log",
    benchmark:
        "results/{experiment}/benchmarks/generator_folder.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        script=script("generator_folder"),
        code=code("generator_folder"),
        base_model=base_model_as_given,
    shell:
        "exec python {params.script} --log {log} --generator {input.generator} --experiment {wildcards.experiment}"
        " --base-model {params.base_model:q} --embeddings {input.embeddings} --samples {input.samples}"


rule adapter_for:
    input:
        generator="results/{experiment}/generator/generator.safetensors",
        settings="results/{experiment}/generator/config.json",
        tasks="results/{experiment}/generator/tasks.safetensors",
        encoder=encoder_files,
        prompts="prompts/{name}.txt",
    output:
        adapter="results/{experiment}/adapters_for/{name}/adapter_model.safetensors",
        config="results/{experiment}/adapters_for/{name}/adapter_config.json",
        run="results/{experiment}/adapters_for/{name}/run.json",
        card="results/{experiment}/adapters_for/{name}/README.md",
    log:
        "results/{experiment}/logs/adapter_for/{name}.log",
    benchmark:
        "results/{experiment}/benchmarks/adapter_for/{name}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=30,
    params:
        script=script("adapter_for"),
        code=code("adapter_for"),
        seed=seed,
    shell:
        "exec python {params.script} --log {log} --generator {input.generator} --prompts {input.prompts} --seed {params.seed}"
        " --output {output.adapter}"
