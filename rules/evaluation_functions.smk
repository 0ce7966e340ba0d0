# What controls and an evaluation take: adapters made without a generator, and everything that is scored.


def control_embeddings(wildcards):
    """Prompts that a control compares: none, or those of the training tasks."""
    return training_embeddings(wildcards) if wildcards.control == NEAREST else []


def control_target(wildcards):
    """Prompts of the held-out task, where a control compares them."""
    if wildcards.control != NEAREST:
        return []
    task_entry(wildcards.held_out)
    return f"results/{wildcards.experiment}/embeddings/{wildcards.held_out}.parquet"


def pooled_controls(name):
    """Adapters trained on all tasks together: on the budget of one task, and on as many labelled samples as the experiment
    says or as a generator that learns from such sees."""
    return [MULTI_TASK, LONGER] if samples_seen(name) else [MULTI_TASK]


def samples_seen(name):
    chosen = experiment(name)
    return chosen.evaluation.multi_task_samples or max(kind.samples_seen for kind in chosen.by_kind.values())


def pooled_finetune(wildcards):
    """The training of a pooled adapter: a task's, or the same with more samples."""
    chosen = experiment(wildcards.experiment).finetune.given()
    if wildcards.pooled == LONGER:
        if LONGER not in pooled_controls(wildcards.experiment):
            raise WorkflowError(
                f"{wildcards.experiment} has no {LONGER}: none of its generators learns from labelled samples, and"
                " evaluation.multi_task_samples is not given"
            )
        chosen |= {"max_samples": samples_seen(wildcards.experiment), "steps_per_epoch": None}
    return as_argument(chosen)


def pooled_epochs(wildcards):
    """The option with how often it sees them; none where their number is given."""
    epochs = experiment(wildcards.experiment).checkpoints.epochs
    return ["--epochs", str(epochs)] if wildcards.pooled == MULTI_TASK else []


def prompts_of_controls(wildcards):
    """For each of PROMPT_CONTROLS what takes the place of the held-out task's prompts; as foreign ones those of another
    training task for every draw, in turn."""
    folder = f"results/{wildcards.experiment}/controls/{wildcards.task}/prompts"
    embeddings = training_embeddings(wildcards)
    foreign = {"foreign_prompts": embeddings[int(wildcards.draw) % len(embeddings)]}
    return [foreign.get(control, f"{folder}/{control}.parquet") for control in PROMPT_CONTROLS]


def evaluated_adapters(wildcards):
    """Source name to adapter file, in the order in which an evaluation lists them."""
    free_answers(wildcards)  # an evaluation that will not be is refused here, before adapters are planned for it
    name, task = wildcards.experiment, wildcards.task
    own, shared = (f"results/{name}/controls/{held_out}" for held_out in (task, turn(wildcards)))
    draws, trained = range(experiment(name).evaluation.draws), experiment(name).evaluation.trained
    adapters = {f"trained/{other}": last_epoch(name, other) for other in training_tasks(wildcards) if trained}
    adapters |= {
        control: f"{own if control == NEAREST else shared}/{control}/{ADAPTER}"
        for control in (*CONTROLS, *pooled_controls(name))
    }
    adapters |= {"target_trained": last_epoch(name, task)}
    adapters |= generated(name, task)
    for run in runs(name, main_kind(name)):
        adapters |= {
            f"generated/{control}/{run}draw_{draw}": f"{own}/{run}{control}/draw_{draw}/{ADAPTER}"
            for control in PROMPT_CONTROLS
            for draw in draws
        }
        adapters |= {f"constant/{run}"[:-1]: f"{shared}/{run}constant/{ADAPTER}"}
    return adapters


def evaluated_files(wildcards):
    return list(evaluated_adapters(wildcards).values())


def evaluated_names(wildcards):
    return list(evaluated_adapters(wildcards))


def free_answers(wildcards):
    """The option with how a freely answered task is scored; what a file of questions holds is not known yet."""
    name, task = wildcards.experiment, task_entry(wildcards.task)
    if "response" in task and "score" not in task:
        target = f"results/{name}/generated/{wildcards.task}/draw_0/{ADAPTER}"
        raise WorkflowError(f"{wildcards.task}: it is answered freely and has no score; what can be had is {target}")
    if task.get("score", {}).get("kind") == "code" and not experiment(name).evaluation.execute_code:
        raise WorkflowError(
            f"{wildcards.task}: its score runs code that a model wrote; {name} lacks evaluation.execute_code: true"
        )
    return ["--free", as_argument({key: task[key] for key in ("score", "max_new_tokens")})] if "score" in task else []
