# P2W, prompt to weights. Targets are files under results/{experiment}/, for example
#   snakemake results/pocket/evaluation/arc_challenge.json --cores 2
from snakemake.utils import min_version

min_version("9.19")


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/functions.smk"
include: "rules/generator_functions.smk"
include: "rules/evaluation_functions.smk"
include: "rules/everybody_functions.smk"
include: "rules/report_functions.smk"
include: "rules/data.smk"
include: "rules/adapters.smk"
include: "rules/embeddings.smk"
include: "rules/centroids.smk"
include: "rules/decoder.smk"
include: "rules/generator.smk"
include: "rules/controls.smk"
include: "rules/evaluation.smk"
include: "rules/report.smk"
include: "rules/targets.smk"


rule all:
    default_target: True
    input:
        "results/pocket/summary.md",
    localrule: True
