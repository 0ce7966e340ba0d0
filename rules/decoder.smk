# The generator of a held-out task or group, which saw all the other tasks: a decoder, or another kind. The adapters that it
# generates. {run} is empty for the experiment's own seed, or seed_{seed}/ for a further one; {by} for its own generator, or
# generators/{kind}/ for a further one.


rule decoder:
    input:
        checkpoints=training_checkpoints,
        embeddings=training_embeddings,
    output:
        weights="results/{experiment}/decoder/{held_out}/{run}decoder.safetensors",
        metrics="results/{experiment}/decoder/{held_out}/{run}metrics.csv",
        run="results/{experiment}/decoder/{held_out}/{run}run.json",
    log:
        "results/{experiment}/logs/decoder/{held_out}/{run}decoder.log",
    benchmark:
        "results/{experiment}/benchmarks/decoder/{held_out}/{run}decoder.tsv"
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
        state="results/{experiment}/state/decoder/{held_out}/{run}decoder.safetensors",
        decoder=stage("decoder"),
        held_out=held_out_option,
        seed=generator_seed,
    # How many GPUs share the work is no param: another number of them makes the same decoder.
    shell:
        "exec python $([ {resources.gpu} -gt 1 ] && echo -m torch.distributed.run --standalone --nproc-per-node {resources.gpu})"
        " {params.script} --log {log} --decoder {params.decoder:q} --seed {params.seed} {params.held_out}"
        " --checkpoints {input.checkpoints} --embeddings {input.embeddings}"
        " --output {output.weights} --state {params.state}"


rule generator:
    input:
        training_centroids,
    output:
        weights="results/{experiment}/generators/{generator}/{held_out}/generator.safetensors",
        run="results/{experiment}/generators/{generator}/{held_out}/run.json",
    log:
        "results/{experiment}/logs/generator/{generator}/{held_out}/generator.log",
    benchmark:
        "results/{experiment}/benchmarks/generator/{generator}/{held_out}/generator.tsv"
    wildcard_constraints:
        generator="|".join(kind for kind, about in GENERATORS.items() if not about.seeded),
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=60,
    params:
        script=script("generator"),
        code=code("generator"),
        generator=generator_settings,
        num_prompts=value("decoder", "num_prompts"),
        held_out=held_out_option,
    shell:
        "exec python {params.script} --log {log} --generator {params.generator:q} --num-prompts {params.num_prompts}"
        " {params.held_out} --centroids {input} --output {output.weights}"


rule learned_generator:
    input:
        checkpoints=training_checkpoints,
        embeddings=training_embeddings,
        samples=training_samples,
        base_model=base_model_files,
    output:
        weights="results/{experiment}/generators/{generator}/{held_out}/{run}generator.safetensors",
        metrics="results/{experiment}/generators/{generator}/{held_out}/{run}metrics.csv",
        run="results/{experiment}/generators/{generator}/{held_out}/{run}run.json",
    log:
        "results/{experiment}/logs/learned_generator/{generator}/{held_out}/{run}generator.log",
    benchmark:
        "results/{experiment}/benchmarks/learned_generator/{generator}/{held_out}/{run}generator.tsv"
    wildcard_constraints:
        generator="|".join(kind for kind, about in GENERATORS.items() if about.learned),
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
        state="results/{experiment}/state/generators/{generator}/{held_out}/{run}generator.safetensors",
        generator=generator_settings,
        base_model=base_model,
        decoder=decoder_to_learn,
        num_prompts=value("decoder", "num_prompts"),
        max_length=value("finetune", "max_length"),
        held_out=held_out_option,
        tasks=training_tasks,
        seed=generator_seed,
    shell:
        "exec python {params.script} --log {log} --generator {params.generator:q} {params.decoder:q}"
        " --base-model {params.base_model:q} --num-prompts {params.num_prompts} --max-length {params.max_length} --seed {params.seed}"
        " {params.held_out} --checkpoints {input.checkpoints} --embeddings {input.embeddings}"
        " --tasks {params.tasks} --samples {input.samples} --output {output.weights} --state {params.state}"


rule generate:
    input:
        generator=trained_generator,
        embeddings="results/{experiment}/embeddings/{task}.parquet",
    output:
        adapter="results/{experiment}/{by}generated/{task}/{run}draw_{draw}/adapter_model.safetensors",
        config="results/{experiment}/{by}generated/{task}/{run}draw_{draw}/adapter_config.json",
        run="results/{experiment}/{by}generated/{task}/{run}draw_{draw}/run.json",
    log:
        "results/{experiment}/logs/generate/{by}{task}/{run}draw_{draw}.log",
    benchmark:
        "results/{experiment}/benchmarks/generate/{by}{task}/{run}draw_{draw}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=30,
    params:
        script=script("generate"),
        code=code("generate"),
        seed=generator_seed,
    shell:
        "exec python {params.script} --log {log} --generator {input.generator} --embeddings {input.embeddings} --seed {params.seed}"
        " --draw {wildcards.draw} --output {output.adapter}"


# Experiments may have one job make so many draws of a task, with the generator loaded once.
for (first, last), names in DRAWS_TOGETHER.items():

    rule:
        name:
            f"generate_{first}_to_{last}"
        input:
            generator=trained_generator,
            embeddings="results/{experiment}/embeddings/{task}.parquet",
        output:
            files_of_draws("results/{{experiment}}/{{by}}generated/{{task}}/{{run}}draw_{draw}", range(first, last + 1)),
        log:
            f"results/{{experiment}}/logs/generate/{{by}}{{task}}/{{run}}draws_{first}_to_{last}.log",
        benchmark:
            f"results/{{experiment}}/benchmarks/generate/{{by}}{{task}}/{{run}}draws_{first}_to_{last}.tsv"
        wildcard_constraints:
            experiment=one_of(names),
            task=held_out_somewhere(names),
        conda:
            "../envs/p2w.yaml"
        params:
            script=script("generate"),
            code=code("generate"),
            seed=generator_seed,
            draws=listed(range(first, last + 1)),
            adapters=adapters_among_outputs,
        shell:
            "exec python {params.script} --log {log} --generator {input.generator} --embeddings {input.embeddings}"
            " --seed {params.seed} --draw {params.draws} --output {params.adapters}"

    in_place_of("generate", f"generate_{first}_to_{last}")
