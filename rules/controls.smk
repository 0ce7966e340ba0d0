# Adapters to compare with: made from the training adapters and samples, or by the decoder from other prompts. {held_out}
# is a task or a group where they do not depend on whose prompts they are for.


rule control:
    input:
        adapters=training_adapters,
        embeddings=control_embeddings,
        target=control_target,
    output:
        adapter="results/{experiment}/controls/{held_out}/{control}/adapter_model.safetensors",
        config="results/{experiment}/controls/{held_out}/{control}/adapter_config.json",
        run="results/{experiment}/controls/{held_out}/{control}/run.json",
    log:
        "results/{experiment}/logs/control/{held_out}/{control}.log",
    benchmark:
        "results/{experiment}/benchmarks/control/{held_out}/{control}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        script=script("control"),
        code=code("control"),
        tasks=training_tasks,
    shell:
        "exec python {params.script} --log {log} --control {wildcards.control} --tasks {params.tasks} --adapters {input.adapters}"
        " --embeddings {input.embeddings} --target {input.target} --output {output.adapter}"


rule multi_task:
    input:
        base_model=base_model_files,
        samples=training_samples,
    output:
        adapter="results/{experiment}/controls/{held_out}/{pooled}/adapter_model.safetensors",
        config="results/{experiment}/controls/{held_out}/{pooled}/adapter_config.json",
        run="results/{experiment}/controls/{held_out}/{pooled}/run.json",
    log:
        "results/{experiment}/logs/{pooled}/{held_out}.log",
    benchmark:
        "results/{experiment}/benchmarks/{pooled}/{held_out}.tsv"
    wildcard_constraints:
        pooled=one_of([MULTI_TASK, LONGER]),
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=720,
    params:
        script=script("multi_task"),
        code=code("multi_task"),
        state="results/{experiment}/state/{pooled}/{held_out}.safetensors",
        base_model=base_model,
        lora=stage("lora"),
        finetune=pooled_finetune,
        seed=seed,
        epochs=pooled_epochs,
        tasks=training_tasks,
    shell:
        "exec python {params.script} --log {log} --base-model {params.base_model:q} --lora {params.lora:q}"
        " --finetune {params.finetune:q} --seed {params.seed} {params.epochs} --tasks {params.tasks}"
        " --samples {input.samples} --output {output.adapter} --state {params.state}"


rule prompt_variants:
    input:
        encoder=encoder_files,
        samples="results/{experiment}/samples/{task}/train.parquet",
        training_samples=training_samples,
    output:
        shuffled="results/{experiment}/controls/{task}/prompts/shuffled_prompts.parquet",
        random="results/{experiment}/controls/{task}/prompts/random_prompts.parquet",
    log:
        "results/{experiment}/logs/prompt_variants/{task}.log",
    benchmark:
        "results/{experiment}/benchmarks/prompt_variants/{task}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=120,
    params:
        script=script("prompt_variants"),
        code=code("prompt_variants"),
        encoder=stage("encoder"),
        prompts=stage("prompts"),
        seed=seed,
        folder=subpath(output.shuffled, parent=True),
    shell:
        "exec python {params.script} --log {log} --encoder {params.encoder:q} --prompts {params.prompts:q} --seed {params.seed}"
        " --held-out {wildcards.task} --samples {input.samples} --training-samples {input.training_samples}"
        " --cache results/cache/embeddings --output {params.folder}"


rule prompt_controls:
    input:
        generator=trained_generator,
        prompts=prompts_of_controls,
    output:
        files_of_draws(
            "results/{{experiment}}/controls/{{task}}/{{run}}{control}/draw_{draw}",
            ["{draw}"],
            control=PROMPT_CONTROLS,
        ),
    log:
        "results/{experiment}/logs/prompt_controls/{task}/{run}draw_{draw}.log",
    benchmark:
        "results/{experiment}/benchmarks/prompt_controls/{task}/{run}draw_{draw}.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=30,
    params:
        script=script("prompt_controls"),
        code=code("prompt_controls"),
        controls=PROMPT_CONTROLS,
        seed=generator_seed,
        folder=subpath(output[0], ancestor=3),
    shell:
        "exec python {params.script} --log {log} --generator {input.generator} --controls {params.controls}"
        " --embeddings {input.prompts} --seed {params.seed} --draw {wildcards.draw} --output {params.folder}"


# As many draws in one job as of the adapters that they are compared with.
for (first, last), names in DRAWS_TOGETHER.items():

    rule:
        name:
            f"prompt_controls_{first}_to_{last}"
        input:
            generator=trained_generator,
            prompts=each_once(of_draws(prompts_of_controls, range(first, last + 1))),
        output:
            files_of_draws(
                "results/{{experiment}}/controls/{{task}}/{{run}}{control}/draw_{draw}",
                range(first, last + 1),
                control=PROMPT_CONTROLS,
            ),
        log:
            f"results/{{experiment}}/logs/prompt_controls/{{task}}/{{run}}draws_{first}_to_{last}.log",
        benchmark:
            f"results/{{experiment}}/benchmarks/prompt_controls/{{task}}/{{run}}draws_{first}_to_{last}.tsv"
        wildcard_constraints:
            experiment=one_of(names),
            task=held_out_somewhere(names),
        conda:
            "../envs/p2w.yaml"
        params:
            script=script("prompt_controls"),
            code=code("prompt_controls"),
            controls=PROMPT_CONTROLS,
            seed=generator_seed,
            draws=listed(range(first, last + 1)),
            prompts=of_draws(prompts_of_controls, range(first, last + 1)),
            folder=subpath(output[0], ancestor=3),
        shell:
            "exec python {params.script} --log {log} --generator {input.generator} --controls {params.controls}"
            " --embeddings {params.prompts} --seed {params.seed} --draw {params.draws} --output {params.folder}"

    in_place_of("prompt_controls", f"prompt_controls_{first}_to_{last}")


rule constant:
    input:
        generator=trained_generator,
        embeddings=training_embeddings,
    output:
        adapter="results/{experiment}/controls/{held_out}/{run}constant/adapter_model.safetensors",
        config="results/{experiment}/controls/{held_out}/{run}constant/adapter_config.json",
        run="results/{experiment}/controls/{held_out}/{run}constant/run.json",
    log:
        "results/{experiment}/logs/constant/{held_out}/{run}constant.log",
    benchmark:
        "results/{experiment}/benchmarks/constant/{held_out}/{run}constant.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=30,
    params:
        script=script("constant"),
        code=code("constant"),
    shell:
        "exec python {params.script} --log {log} --generator {input.generator} --embeddings {input.embeddings}"
        " --output {output.adapter}"
