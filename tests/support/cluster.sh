#!/usr/bin/env bash
# A real SLURM on this machine for tests: one node with two GPUs (device files that stand for them), partitions `cpu`
# and `gpu`, accounting in MariaDB with account `p2w`. For root on Debian or Ubuntu, a container without systemd will do.
#
#   tests/support/cluster.sh start FOLDER    install what is missing, start what does not run
#   tests/support/cluster.sh stop FOLDER
#
# Everything that it writes is under FOLDER, an absolute path, but for a link to it where SLURM's commands look for their
# configuration. munge and MariaDB listen on sockets in FOLDER only.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

COMMAND=${1:?start or stop} STATE=${2:?the folder of the cluster}
export SLURM_CONF="$STATE/slurm.conf" MYSQL_UNIX_PORT="$STATE/mariadb.sock"
PACKAGES=(slurmctld slurmd slurm-client slurmdbd munge mariadb-server-core mariadb-client-core)
# Not by SLURM_CONF: Snakemake takes this variable from the `srun` inside a job. SLURM looks here when /etc/slurm is empty.
CONFIGURATION=/run/slurm/conf
CTLD_PORT=16817 SLURMD_PORT=16818 DBD_PORT=16819

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      echo "cluster.sh: still failing: $*" >&2
      "$@" >&2 || tail -n 5 "$STATE"/*.log >&2
      exit 1
    fi
    sleep 0.3
  done
}

write_configuration() {
  local host cores
  host=$(hostname -s) cores=$(nproc)
  [ "$cores" -gt 1 ] || cores=2 # as many as a job asks for
  cat > "$STATE/slurm.conf" <<END
ClusterName=p2w
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$CTLD_PORT
SlurmdPort=$SLURMD_PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits for its old credential to expire.
AuthInfo=socket=$STATE/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/slurmd
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/slurmd.pid
SlurmctldLogFile=$STATE/slurmctld.log
SlurmdLogFile=$STATE/slurmd.log
MpiDefault=none
# No cgroups: they need more rights than a container has.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
# What jobs ask for is what a real node has; here it is only counted.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$DBD_PORT
AccountingStoragePass=$STATE/munge.sock
AccountingStorageEnforce=associations,limits
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=2
# A job that does not end KillWait seconds after its SIGTERM is killed.
KillWait=10
JobRequeue=1
MinJobAge=300
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=256000 Gres=gpu:2
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE
PartitionName=gpu Nodes=$host MaxTime=INFINITE
END
  printf "NodeName=$host Name=gpu File=%s\n" /dev/null /dev/zero > "$STATE/gres.conf"
  cat > "$STATE/slurmdbd.conf" <<END
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$DBD_PORT
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$STATE/munge.sock
LogFile=$STATE/slurmdbd.log
PidFile=$STATE/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
END
  chmod 600 "$STATE/slurmdbd.conf"
}

# runs NAME: whether the daemon with this process id file runs.
runs() {
  [ -s "$STATE/$1.pid" ] && kill -0 "$(cat "$STATE/$1.pid")" 2> /dev/null
}

start_munge() {
  runs munged && return
  [ -s "$STATE/munge.key" ] || (umask 077 && head -c 128 /dev/urandom > "$STATE/munge.key")
  munged --force --key-file="$STATE/munge.key" --socket="$STATE/munge.sock" --pid-file="$STATE/munged.pid" \
    --log-file="$STATE/munged.log" --seed-file="$STATE/munged.seed"
}

start_database() {
  runs mariadbd && return
  if [ ! -d "$STATE/mariadb/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$STATE/mariadb" --skip-test-db > "$STATE/mariadb.log" 2>&1
  fi
  # No network and a socket in a folder of root's: so no passwords either.
  setsid mariadbd --no-defaults --user=root --datadir="$STATE/mariadb" --socket="$MYSQL_UNIX_PORT" --skip-networking \
    --skip-grant-tables --pid-file="$STATE/mariadbd.pid" --innodb-buffer-pool-size=128M --innodb-lock-wait-timeout=900 \
    --innodb-flush-log-at-trx-commit=0 >> "$STATE/mariadb.log" 2>&1 < /dev/null &
  wait_for 60 test -S "$MYSQL_UNIX_PORT"
}

start_accounting() {
  runs slurmdbd || slurmdbd
  wait_for 60 sacctmgr --noheader show cluster
  [ -z "$(sacctmgr --noheader show association account=p2w user=root)" ] || return 0
  sacctmgr --immediate --quiet add cluster p2w
  sacctmgr --immediate --quiet add account p2w cluster=p2w
  sacctmgr --immediate --quiet add user root account=p2w cluster=p2w
}

start_slurm() {
  runs slurmctld || slurmctld
  wait_for 60 scontrol ping
  runs slurmd || slurmd
  wait_for 60 srun --account p2w --partition gpu --gpus 1 --mem 10 true
}

start() {
  if [ -e /etc/slurm/slurm.conf ]; then
    echo "cluster.sh: this machine has a SLURM of its own, /etc/slurm/slurm.conf; tests need a machine without one" >&2
    exit 1
  fi
  mkdir -p "$STATE"/{ctld,slurmd,mariadb} "$(dirname $CONFIGURATION)"
  chmod 700 "$STATE"
  ln -sfn "$STATE" $CONFIGURATION
  "$(dirname "$0")/install.sh" "${PACKAGES[@]}"
  write_configuration
  start_munge
  start_database
  start_accounting
  start_slurm
}

# end NAME: ask a daemon to stop, and wait for it.
end() {
  runs "$1" || return 0
  local pid
  pid=$(cat "$STATE/$1.pid")
  kill "$pid" 2> /dev/null || return 0
  for _ in $(seq 60); do
    kill -0 "$pid" 2> /dev/null || return 0
    sleep 0.5
  done
  kill -9 "$pid" 2> /dev/null || true
}

stop() {
  scancel --user root > /dev/null 2>&1 || true
  for daemon in slurmd slurmctld slurmdbd mariadbd munged; do
    end $daemon
  done
  rm -f $CONFIGURATION
}

"$COMMAND"
