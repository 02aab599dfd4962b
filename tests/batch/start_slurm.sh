#!/bin/bash
# One-node SLURM from Debian packages, without systemd: `start_slurm.sh start|stop`. For tests, as root, in a container.
# It is meant for machines that have no SLURM of their own and leaves one that is there alone.
set -eu
conf=/etc/slurm/slurm.conf

stop() {
    for file in /run/slurmctld.pid /run/slurmd.pid /run/munge/munged.pid; do
        if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
    done
}

if [ "${1:-start}" = stop ]; then stop; exit 0; fi
if sinfo >/dev/null 2>&1; then echo "SLURM is running already"; exit 0; fi
[ "$(id -u)" = 0 ] || { echo "installing SLURM needs root" >&2; exit 3; }

if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends \
        slurmctld slurmd slurm-client munge >/dev/null || { echo "the Debian packages of SLURM cannot be installed" >&2; exit 3; }
fi

mkdir -p /run/munge /var/lib/slurm/ctld /var/lib/slurm/d /var/log/slurm
chown munge:munge /run/munge /var/log/munge /var/lib/munge /etc/munge /etc/munge/munge.key
chmod 755 /run/munge
cpus=$(env -u OMP_NUM_THREADS nproc)  # which it would take for a limit
cat > "$conf" <<CONF
ClusterName=local
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation=/var/lib/slurm/ctld
SlurmdSpoolDir=/var/lib/slurm/d
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=2000
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
KillWait=20
MinJobAge=3600
MaxArraySize=101
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=16000 State=UNKNOWN
PartitionName=batch Nodes=localhost Default=YES MaxTime=INFINITE State=UP PriorityTier=1 OverSubscribe=NO
PartitionName=urgent Nodes=localhost Default=NO MaxTime=INFINITE State=UP PriorityTier=10
CONF
pgrep -x munged >/dev/null || runuser -u munge -- /usr/sbin/munged
sleep 1
slurmctld
sleep 1
slurmd -N localhost
for _ in $(seq 20); do
    if sinfo -h -o %T 2>/dev/null | grep -q idle; then sinfo; exit 0; fi
    sleep 1
done
echo "SLURM did not start; see /var/log/slurm" >&2
exit 3
