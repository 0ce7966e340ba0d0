# What comes of an experiment, for readers: figures, summary, model cards. `snakemake TARGET --report FILE.html` collects
# what is marked report(...).
FIGURES = {
    "accuracy": "1. Accuracy by source",
    "validity": "2. Valid answers",
    "transfer": "3. Trained adapters on other tasks",
    "map": "4. Map of adapters",
    "training": "5. Training losses",
    "cost": "6. Time and memory",
    "generators": "7. Accuracy of generators by cost",
}


rule figures:
    input:
        evaluations=all_evaluations,
        runs=all_runs,
        metrics=lambda wildcards: list(all_decoders(wildcards).values()),
        adapters=lambda wildcards: [file for _, file in mapped_adapters(wildcards)],
        benchmarks=all_benchmarks,
    output:
        **{
            name: report(
                f"results/{{experiment}}/figures/{name}.png",
                caption=f"../workflow/report/{name}.rst",
                category="Figures",
                labels={"figure": title},
            )
            for name, title in FIGURES.items()
        },
    log:
        "results/{experiment}/logs/figures.log",
    benchmark:
        "results/{experiment}/benchmarks/figures.tsv"
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=60,
    params:
        script=script("figures"),
        code=code("figures"),
        decoders=lambda wildcards: list(all_decoders(wildcards)),
        places=lambda wildcards: [place for place, _ in mapped_adapters(wildcards)],
        folder=subpath(output.accuracy, parent=True),
    shell:
        "exec python {params.script} --log {log} --evaluations {input.evaluations} --runs {input.runs} --decoders {params.decoders:q}"
        " --metrics {input.metrics} --places {params.places} --adapters {input.adapters}"
        " --benchmarks {input.benchmarks} --output {params.folder}"


rule summary:
    input:
        evaluations=all_evaluations,
        predictions=all_predictions,
        published=os.path.relpath(ROOT / "config/published.yaml"),
        figures=[f"results/{{experiment}}/figures/{name}.png" for name in FIGURES],
        captions=[os.path.relpath(ROOT / f"workflow/report/{name}.rst") for name in FIGURES],
        cards=all_cards,  # not read: whoever asks for the summary gets the adapters ready for use
    output:
        csv=report(
            "results/{experiment}/summary.csv",
            caption="../workflow/report/table.rst",
            category="Summary",
            labels={"table": "2. All numbers (csv)"},
        ),
        markdown="results/{experiment}/summary.md",
        html=report(
            "results/{experiment}/summary.html",
            caption="../workflow/report/summary.rst",
            category="Summary",
            labels={"table": "1. Summary"},
        ),
        run="results/{experiment}/summary.run.json",
    log:
        "results/{experiment}/logs/summary.log",
    benchmark:
        "results/{experiment}/benchmarks/summary.tsv"
    localrule: True
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        script=script("summary"),
        code=code("summary"),
    shell:
        "exec python {params.script} --log {log} --evaluations {input.evaluations}"
        " --predictions {input.predictions} --published {input.published}"
        " --figures {input.figures} --captions {input.captions}"
        " --csv {output.csv} --markdown {output.markdown} --html {output.html}"


rule card:
    input:
        run="results/{experiment}/{by}generated/{task}/{run}draw_{draw}/run.json",
        config="results/{experiment}/{by}generated/{task}/{run}draw_{draw}/adapter_config.json",
        generator=trained_generator_run,
        embeddings="results/{experiment}/embeddings/{task}.parquet",
        evaluation="results/{experiment}/evaluation/{task}.json",
        predictions="results/{experiment}/evaluation/{task}.predictions.parquet",
    output:
        "results/{experiment}/{by}generated/{task}/{run}draw_{draw}/README.md",
    log:
        "results/{experiment}/logs/card/{by}{task}/{run}draw_{draw}.log",
    benchmark:
        "results/{experiment}/benchmarks/card/{by}{task}/{run}draw_{draw}.tsv"
    localrule: True
    conda:
        "../envs/p2w.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        script=script("card"),
        code=code("card"),
        folder=subpath(output[0], parent=True),
        source=generated_source,
    shell:
        "exec python {params.script} --log {log} --source {params.source} --adapter {params.folder}"
        " --generator-run {input.generator} --embeddings {input.embeddings} --evaluation {input.evaluation}"
        " --predictions {input.predictions} --output {output}"
