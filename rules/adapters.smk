# LoRA fine-tuning, one job per epoch, or per so many tasks as `jobs.finetune` says; all checkpoints of a task in one table.


rule finetune:
    input:
        base_model=base_model_files,
        samples="results/{experiment}/samples/{task}/train.parquet",
        previous=previous_epoch,
    output:
        **{key: f"results/{{experiment}}/adapters/{{task}}/epoch_{{epoch}}/{name}" for key, name in EPOCH_FILES.items()},
    log:
        "results/{experiment}/logs/finetune/{task}/epoch_{epoch}.log",
    benchmark:
        "results/{experiment}/benchmarks/finetune/{task}/epoch_{epoch}.tsv"
    priority: BEFORE_GENERATORS
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=240,
    params:
        script=script("finetune"),
        code=code("finetune"),
        state="results/{experiment}/state/finetune/{task}/epoch_{epoch}.safetensors",
        base_model=base_model,
        lora=stage("lora"),
        finetune=stage("finetune"),
        seed=seed,
    shell:
        "exec python {params.script} --log {log} --base-model {params.base_model:q} --lora {params.lora:q}"
        " --finetune {params.finetune:q} --seed {params.seed} --task {wildcards.task} --samples {input.samples}"
        " --epoch {wildcards.epoch} --previous {input.previous} --output {output.adapter}"
        " --state {params.state}"


# An experiment may have one job train all epochs of so many tasks, with the base model loaded once.
for name in EXPERIMENT_FILES:
    owner = adapters_of(name)
    for number, tasks in enumerate(adapters_together(name), 1):
        epochs = range(1, experiment(name).checkpoints.epochs + 1)
        places = [f"{task}/epoch_{epoch}" for task in tasks for epoch in epochs]

        rule:
            name:
                f"finetune_{name}_{number}"
            input:
                base_model=about(name, base_model_files),
                samples=expand(f"results/{owner}/samples/{{task}}/train.parquet", task=tasks),
            output:
                # Kept if they are there: the command knows which of them are made from the same.
                files=update(
                    expand(
                        f"results/{owner}/adapters/{{place}}/{{file}}",
                        place=places,
                        file=EPOCH_FILES.values(),
                    )
                ),
            log:
                f"results/{name}/logs/finetune/together_{number}.log",
            benchmark:
                f"results/{name}/benchmarks/finetune/together_{number}.tsv"
            conda:
                "../envs/p2w.yaml"
            params:
                script=script("finetune"),
                code=code("finetune"),
                states=listed(f"results/{owner}/state/finetune/{place}.safetensors" for place in places),
                adapters=listed(f"results/{owner}/adapters/{place}/{ADAPTER}" for place in places),
                tasks=listed(tasks),
                epochs=listed(epochs),
                base_model=about(name, base_model),
                lora=about(name, stage("lora")),
                finetune=about(name, stage("finetune")),
                seed=about(name, seed),
            shell:
                "exec python {params.script} --log {log} --base-model {params.base_model:q} --lora {params.lora:q}"
                " --finetune {params.finetune:q} --seed {params.seed} --task {params.tasks} --samples {input.samples}"
                " --epoch {params.epochs} --output {params.adapters} --state {params.states} --keep"

        in_place_of("finetune", f"finetune_{name}_{number}")


rule checkpoints:
    input:
        epochs=epoch_files,
    output:
        "results/{experiment}/checkpoints/{task}.parquet",
    log:
        "results/{experiment}/logs/checkpoints/{task}.log",
    benchmark:
        "results/{experiment}/benchmarks/checkpoints/{task}.tsv"
    priority: BEFORE_GENERATORS
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        script=script("checkpoints"),
        code=code("checkpoints"),
        first_epoch=value("checkpoints", "first_epoch"),
    shell:
        "exec python {params.script} --log {log} --task {wildcards.task} --epochs {input.epochs}"
        " --first-epoch {params.first_epoch} --output {output}"


# Whose epochs share a job, their tables do, too.
for name in EXPERIMENT_FILES:
    owner = adapters_of(name)
    for number, tasks in enumerate(adapters_together(name), 1):

        rule:
            name:
                f"checkpoints_{name}_{number}"
            input:
                epochs=[file for task in tasks for file in epoch_files(SimpleNamespace(experiment=owner, task=task))],
            output:
                expand(f"results/{owner}/checkpoints/{{task}}.parquet", task=tasks),
            log:
                f"results/{name}/logs/checkpoints/together_{number}.log",
            benchmark:
                f"results/{name}/benchmarks/checkpoints/together_{number}.tsv"
            conda:
                "../envs/p2w.yaml"
            params:
                script=script("checkpoints"),
                code=code("checkpoints"),
                first_epoch=about(name, value("checkpoints", "first_epoch")),
                tasks=listed(tasks),
            shell:
                "exec python {params.script} --log {log} --task {params.tasks} --epochs {input.epochs}"
                " --first-epoch {params.first_epoch} --output {output}"

        in_place_of("checkpoints", f"checkpoints_{name}_{number}")
