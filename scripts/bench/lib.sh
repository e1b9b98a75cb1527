# What all parts of the benchmark use. Sourced by bash.

fail() {
	echo "bench: $*" >&2
	exit 1
}

# What is to be ended when the script ends, whatever ends it: processes, and directories.
load='' client='' tool='' shell='' churn=''
work='' memory=''

# begin: has to come first. Sets work, a directory on the disk that $TMPDIR is on.
begin() {
	[ "$(id -u)" = 0 ] || fail "needs root"
	trap finish EXIT
	trap 'exit 130' INT TERM
	work=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
}

finish() {
	local pid
	[ -z "$load" ] || kill -KILL "$load"
	# shellcheck disable=SC2046 # a list of numbers
	for pid in $churn $client $tool ${shell:+$(tree_of "$shell")}; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf ${work:+"$work"} ${memory:+"$memory"}
}

# wait_for SECONDS COMMAND...
wait_for() {
	local tries=$(($1 * 50))
	shift
	until "$@"; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# now_us: microseconds, of which only differences mean anything.
now_us() {
	echo "${EPOCHREALTIME/[.,]/}"
}

# tree_of PID: the process and all below it.
tree_of() {
	awk -v root="$1" '
		{ line = $0; sub(/.*\) /, "", line); split(line, rest, " "); parent[$1] = rest[2] }
		END {
			for (pid in parent) {
				for (at = pid; at in parent && at != root; at = parent[at]);
				if (at == root) print pid
			}
		}' /proc/[0-9]*/stat 2>/dev/null
}

# cpu_ns PID...: what all their threads that live have had of the CPUs, by the scheduler's account (Documentation/scheduler/sched-stats.rst).
cpu_ns() {
	local pid
	for pid; do cat "/proc/$pid/task/"*/schedstat 2>/dev/null; done | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# switches PID...: how often their threads went to sleep, and so had to be woken.
switches() {
	local pid
	for pid; do cat "/proc/$pid/task/"*/status 2>/dev/null; done | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n + 0 }'
}

# resident_kib PID...
resident_kib() {
	local pid
	for pid; do cat "/proc/$pid/status" 2>/dev/null; done | awk '/^VmRSS/ { n += $2 } END { print n + 0 }'
}

# field NAME LINE: the number behind a name in a line of names and numbers.
field() {
	sed -nE "s/(^|.* )$1 ([0-9.]+).*/\2/p" <<<"$2"
}

# A process that will be the load: it stops itself before it begins, so that tools can be told of it. load_prepare COMMAND...: sets load.
load_prepare() {
	# shellcheck disable=SC2016
	bash -c 'kill -STOP $$; exec "$@"' load "$@" </dev/null >"$work/load" 2>&1 &
	load=$!
	wait_for 5 load_stopped || fail "the load does not wait"
}

load_stopped() {
	[ "$(sed 's/.*) //' "/proc/$load/stat" | cut -c 1)" = T ]
}

# load_run: lets it go, to its end; sets load_us.
load_run() {
	local start
	start=$(now_us)
	kill -CONT "$load"
	wait "$load" || fail "the load failed: $(tail -n 3 "$work/load")"
	load_us=$(($(now_us) - start))
	load=
}
