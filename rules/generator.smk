# The generator for everybody: fitted on all tasks of an experiment, none held out, for prompts of any task. It is of the
# experiment's own kind; where that is the decoder and hours are too many, an heir of the experiment with
# `generator: {kind: ridge}` shares its adapters and is fitted in seconds.


rule generator_of_all:
    input:
        checkpoints=every("checkpoints/{task}.parquet"),
        embeddings=every("embeddings/{task}.parquet"),
    output:
        weights="results/{experiment}/generator/generator.safetensors",
        run="results/{experiment}/generator/run.json",
    log:
        "results/{experiment}/logs/generator_of_all.log",
    benchmark:
        "results/{experiment}/benchmarks/generator_of_all.tsv"
    wildcard_constraints:
        experiment=one_of(CLOSED),
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=60,
    params:
        script=script("generator"),
        code=code("generator"),
        generator=own_generator,
        num_prompts=value("decoder", "num_prompts"),
    shell:
        "exec python {params.script} --log {log} --generator {params.generator:q} --num-prompts {params.num_prompts}"
        " --checkpoints {input.checkpoints} --embeddings {input.embeddings} --output {output.weights}"


rule decoder_of_all:
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
    conda:
        "../envs/p2w.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=64000,
        runtime=720,
    params:
        script=script("decoder"),
        code=code("decoder"),
        state="results/{experiment}/state/generator_of_all.safetensors",
        decoder=stage("decoder"),
        seed=seed,
    shell:
        "exec python $([ {resources.gpu} -gt 1 ] && echo -m torch.distributed.run --standalone --nproc-per-node {resources.gpu})"
        " {params.script} --log {log} --decoder {params.decoder:q} --seed {params.seed}"
        " --checkpoints {input.checkpoints} --embeddings {input.embeddings}"
        " --output {output.weights} --state {params.state}"


rule learned_generator_of_all:
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
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=32000,
        runtime=240,
    params:
        script=script("learned_generator"),
        code=code("learned_generator"),
        state="results/{experiment}/state/generator_of_all.safetensors",
        generator=own_generator,
        base_model=base_model,
        decoder=decoder_to_learn,
        num_prompts=value("decoder", "num_prompts"),
        max_length=value("finetune", "max_length"),
        tasks=every_task,
        seed=seed,
    shell:
        "exec python {params.script} --log {log} --generator {params.generator:q} {params.decoder:q}"
        " --base-model {params.base_model:q} --num-prompts {params.num_prompts} --max-length {params.max_length} --seed {params.seed}"
        " --checkpoints {input.checkpoints} --embeddings {input.embeddings} --tasks {params.tasks} --samples {input.samples}"
        " --output {output.weights} --state {params.state}"


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
