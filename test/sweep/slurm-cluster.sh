#!/usr/bin/env bash
# A separate Slurm cluster in one folder: munged, slurmctld and slurmd on loopback, with ports, key and sockets that nobody
# else uses. It needs Debian's slurm-wlm and munge, and no systemd, cgroups or database; run as root, it needs no user of Slurm's.
#
#   slurm-cluster.sh FOLDER [--nodes N] [--cpus N] [--line 'A line of slurm.conf']… [-- COMMAND…]
#
# With a command: runs it in the cluster and ends with its exit code. Without: prints "SLURM_CONF=FILE" once every node is idle,
# and stays until its standard input ends or it is told to stop. However it ends, it takes jobs and daemons with it.
set -u

die() { echo "slurm-cluster: $*" >&2; exit "${code:-2}"; }

folder=; nodes=1; cpus=2; lines=(); command=()
while [ $# -gt 0 ]; do
  case $1 in
    --nodes) nodes=$2; shift 2 ;;
    --cpus) cpus=$2; shift 2 ;;
    --line) lines+=("$2"); shift 2 ;;
    --) shift; command=("$@"); break ;;
    -*) die "there is no option $1" ;;
    *) folder=$1; shift ;;
  esac
done
[ -n "$folder" ] || die "name a folder to keep the cluster in"
PATH=$PATH:/usr/sbin:/sbin
for program in munged mungekey slurmctld slurmd sinfo setpriv; do
  command -v "$program" >/dev/null || code=3 die "$program is not installed; apt-get install slurm-wlm munge"
done
mkdir -p "$folder"/{munge,state,spool,log} || exit 2
folder=$(cd "$folder" && pwd)
export SLURM_CONF=$folder/slurm.conf
[ "${#folder}" -lt 80 ] || die "$folder: a socket's path may not be longer than 108 characters; choose a shorter one"

daemons=() # process ids, in the order of their start
# Starts a daemon that ignores Ctrl-C (like a script's background commands) and ends with this script, however that ends.
start() { # log file's name, command…
  local log=$folder/log/$1
  shift
  setpriv --pdeathsig TERM -- "$@" >>"$log" 2>&1 </dev/null &
  daemons+=($!)
  disown # or bash reports it killed
}
running() { kill -0 "$1" 2>/dev/null; }
within() { # seconds, command…: true once the command is
  local end=$((SECONDS + $1))
  shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}
no_jobs() { [ -z "$(timeout 5 squeue --noheader --states=all --format=%T 2>/dev/null | grep -E 'RUNNING|PENDING|COMPLETING|CONFIGURING|SUSPENDED|REQUEUE')" ]; }
ended() { ! running "$1"; }
stop() {
  trap - EXIT
  trap '' INT TERM HUP
  if [ "${#daemons[@]}" -gt 2 ] && running "${daemons[1]}"; then
    timeout 5 squeue --noheader --format=%A 2>/dev/null | sort -u | xargs -r scancel --full >/dev/null 2>&1
    within 20 no_jobs
  fi
  local i
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
    running "${daemons[i]}" || continue
    kill -TERM "${daemons[i]}" 2>/dev/null
    within 10 ended "${daemons[i]}" || kill -KILL "${daemons[i]}" 2>/dev/null
  done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Munge requires its socket's folder to be open to all, and the rest closed to others.
chmod 0755 "$folder/munge"
[ -e "$folder/munge/key" ] || mungekey --create --keyfile="$folder/munge/key" || exit 1
start munged.log munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munge/pid" --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed" --num-threads=1
within 10 test -S "$folder/munge/socket" || { cat "$folder/log/munged.log" >&2; code=1 die "munged did not start"; }

# Ports without a listener now, below those that the system assigns.
ports() { # how many
  local port found=0
  for port in $(shuf -i 10000-32000 -n 100); do
    grep -qsi ":$(printf %04x "$port") " /proc/net/tcp /proc/net/tcp6 && continue
    echo "$port"
    found=$((found + 1))
    [ "$found" -lt "$1" ] || return 0
  done
}

host=$(hostname -s)
configure() {
  local all
  mapfile -t all < <(ports $((nodes + 1)))
  cat >"$SLURM_CONF" <<CONF
ClusterName=rls3
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${all[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=20
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/state/slurmctld.pid
SlurmdPidFile=$folder/spool/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
GresTypes=gpu
ReturnToService=2
JobRequeue=1
KillWait=20
SlurmdParameters=config_overrides
MinJobAge=300
MessageTimeout=30
SlurmctldTimeout=30
SlurmdTimeout=10
SchedulerParameters=batch_sched_delay=1,sched_interval=5,sched_min_interval=0,bf_interval=5
SlurmctldDebug=info
SlurmdDebug=info
CONF
  printf '%s\n' ${lines[@]+"${lines[@]}"} >>"$SLURM_CONF"
  local i
  for ((i = 0; i < nodes; i++)); do
    echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=${all[i + 1]} CPUs=$cpus RealMemory=64000 Gres=gpu:2" >>"$SLURM_CONF"
    mkdir -p "$folder/spool/n$i"
  done
  echo "PartitionName=main Nodes=n[0-$((nodes - 1))] Default=YES MaxTime=INFINITE State=UP" >>"$SLURM_CONF"
  # Two devices that exist everywhere represent two GPUs: jobs can request them and learn which they got.
  printf 'Name=gpu File=%s\n' /dev/null /dev/zero >"$folder/gres.conf"
}

all_idle() { [ "$(sinfo --noheader --Node --format=%T 2>/dev/null | grep -cx idle)" -eq "$nodes" ]; }
# Another cluster may take a port between the check and the start: then try again with others.
for attempt in 1 2 3; do
  configure
  start slurmctld.log slurmctld -D -c
  for ((i = 0; i < nodes; i++)); do start "slurmd-n$i.log" slurmd -D -N "n$i"; done
  within 30 all_idle && break
  if [ "$attempt" = 3 ]; then tail -n 20 "$folder"/log/*.log >&2; code=1 die "the nodes did not become idle"; fi
  for pid in "${daemons[@]:1}"; do kill -KILL "$pid" 2>/dev/null; done
  daemons=("${daemons[0]}")
done

if [ "${#command[@]}" -gt 0 ]; then
  "${command[@]}"
  exit $?
fi
echo "SLURM_CONF=$SLURM_CONF"
exec 3<&0
cat <&3 >/dev/null & # ends with standard input; waiting like this handles a signal at once
wait $!
