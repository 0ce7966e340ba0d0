# An allocation that starts once more, requeued by SLURM or tried again: finished epochs are kept. Snakemake names a group's
# jobs by --target-jobs, which redoes them all; asked for as files, they are judged as in any other run.
import os


def epoch_target(job):
    """The adapter that a job of --target-jobs makes, such as `finetune:experiment=pocket,task=boolq,epoch=2`."""
    wildcards = dict(pair.split("=") for pair in job.partition(":")[2].split(","))
    return "results/{experiment}/adapters/{task}/epoch_{epoch}/{file}".format(**wildcards, file=ADAPTER)


def starts_again(arguments):
    """Whether this process works on the epochs of an allocation that has been started before."""
    if "--local-groupid" not in arguments or "--target-jobs" not in arguments:
        return False
    rules, attempt = (arguments[arguments.index(option) + 1] for option in ("--allowed-rules", "--attempt"))
    return rules == "finetune" and (attempt != "1" or "SLURM_RESTART_COUNT" in os.environ)


def by_files(arguments):
    """The same command, with files as its targets."""
    start = arguments.index("--target-jobs")
    end = next(i for i in range(start + 1, len(arguments)) if arguments[i].startswith("--"))
    targets = [epoch_target(job) for job in arguments[start + 1 : end]]
    return targets + [argument for argument in arguments[:start] + arguments[end:] if argument != "--force"]


if starts_again(sys.argv):
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *by_files(sys.argv[1:])])
