# The tools that are compared: NAME_start, which returns when whatever happens from then on is seen, and NAME_stop, which returns when all of it has been
# dealt with. Sourced by bash, behind lib.sh.
#
# Start gets the words for what is to be seen, which differ from tool to tool (loads.sh), and sets tool_pids, the processes whose memory and
# wake-ups are the tool's. Stop sets
#	events	that came, or that are in its file
#	lost	of which it says that they did not; "-": it does not say
#	cpu	nanoseconds of all its threads since start returned
#	bytes	that it wrote to disk; 0: none
#	also	anything to say of it
# A start that returns 1 was refused by this kernel, and refusal says what by.
#
# All get the same ring memory, and no tool may see the others' or its own work: nothing else runs, and filters are by number or process.

# timed COMMAND...: in the background; its CPU time, with that of its children, stands in $work/time when it has ended.
timed() {
	rm -f "$work/pid" "$work/time"
	(
		trap '' INT
		TIMEFORMAT='%3U %3S'
		# shellcheck disable=SC2016
		time bash -c 'trap - INT; echo $$ >"$1/pid"; exec "${@:2}" </dev/null >"$1/out" 2>"$1/err" 8>&- 9>&-' _ "$work" "$@"
	) 2>"$work/time" &
	shell=$!
	wait_for 5 test -s "$work/pid" || fail "$1 does not start"
	tool=$(<"$work/pid")
	tool_pids=("$tool")
	ready_ns=0
}

# timed_ready: from here on its time counts.
timed_ready() {
	mapfile -t tool_pids < <(tree_of "$tool")
	ready_ns=$(cpu_ns "${tool_pids[@]}")
}

# timed_end [SIGNAL]: ends it, sets cpu.
timed_end() {
	[ -z "${1-}" ] || kill "-$1" "$tool" 2>/dev/null
	wait "$shell"
	shell=
	tool=
	cpu=$(awk -v ready="$ready_ns" 'END { ns = ($1 + $2) * 1e9 - ready; printf "%.0f\n", (ns > 0 ? ns : 0) }' "$work/time")
}

# Nothing at all: what the load takes by itself.
alone_start() {
	tool_pids=()
}

alone_stop() {
	events=0 lost=- cpu=0 bytes=0
}

# ringside_start QUERY SUBSCRIBERS RECORD [OPTION...]: with RECORD "record" the query is recorded, too. SUBSCRIBERS 0: it is recorded, only. With latency set
# the client tells how late events came.
latency=
ringside_start() {
	local query=$1 subscribers=$2 record=$3 options=()
	shift 3
	rm -rf "$work/recording" "$work/sensor"
	[ "$record" != record ] || options=(--record "$work/recording" --record-query "$query")
	"$ringside" sensor --listen "unix:$work/sensor.sock" --ring-memory "$((ring_kib * cpus))KiB" "${options[@]}" "$@" >"$work/sensor" 2>&1 &
	tool=$!
	tool_pids=("$tool")
	wait_for 20 grep -qs 'msg="ready"' "$work/sensor" || fail "the sensor does not start: $(cat "$work/sensor")"
	started_us=$(now_us)
	client=
	if [ "$subscribers" -gt 0 ]; then
		"$build/tests/bench/subscribers" ${latency:+--latency} "unix:$work/sensor.sock" "$subscribers" "$query" >"$work/client" 2>&1 &
		client=$!
		wait_for 30 grep -qs subscribed "$work/client" || fail "no subscription: $(cat "$work/client")"
	fi
	ready_ns=$(cpu_ns "$tool")
}

recorder_status() {
	"$ringside" status --connect "unix:$work/sensor.sock" -o json | tr -d ' \n' | grep -o '"recorder":.*' | grep -oE "\"$1\":\"?[0-9]+" |
		head -n 1 | grep -oE '[0-9]+$' || echo 0
}

# Takes the time first: being asked costs the sensor, too.
recorder_idle() {
	sleep 0.5
	cpu=$(($(cpu_ns "$tool") - ready_ns))
	# What asking makes happen, when programs are recorded, is written later.
	[ "$(recorder_status queuedBytes)" -lt 1048576 ]
}

# Its losses are told to clients, ring by ring and queue by queue; the recorder's are its own.
ringside_stop() {
	local line=

	events=0 lost=0 also=
	if [ -n "$client" ]; then
		kill -INT "$client"
		wait "$client" || fail "client: $(cat "$work/client")"
		client=
		line=$(tail -n 1 "$work/client")
		events=$(field events "$line")
		lost=$(field lost "$line")
		client_cpu=$(field cpu_ns "$line")
		also=$line
	fi
	bytes=0
	cpu=$(($(cpu_ns "$tool") - ready_ns))
	if [ -d "$work/recording" ]; then
		# What is left of a block is written after a second.
		sleep 1
		wait_for 2 recorder_idle || fail "nothing is recorded: $(cat "$work/sensor")"
		bytes=$(recorder_status writtenBytes)
		[ -n "$line" ] || events=$(recorder_status events) lost=$(recorder_status lost)
	fi
	kill "$tool"
	wait "$tool"
	tool=
}

# perf_words FILTER EVENT...: sets words. FILTER is for each of the events; "": none.
perf_words() {
	local filter=$1 event
	shift
	words=()
	for event; do words+=(-e "$event" ${filter:+--filter "$filter"}); done
}

# perf_begin COMMAND...: one that waits to be enabled through $work/control.
perf_begin() {
	local reply
	[ -p "$work/control" ] || mkfifo "$work/control" "$work/reply"
	exec 8<>"$work/control" 9<>"$work/reply"
	timed "$@"
	echo enable >&8
	read -r -t 20 -u 9 reply || fail "perf record: $(cat "$work/err")"
	timed_ready
}

perf_end() {
	echo stop >&8
	timed_end
	exec 8>&- 9>&-
}

# perf_start FILTER EVENT... The pass over its own file at the end, for build ids, is left out: -B -N.
with_abi=
perf_start() {
	local words
	perf_words "$@"
	perf_begin perf record -a -m "${ring_kib}K" -B -N -D -1 --control="fifo:$work/control,$work/reply" -o "$perf_file" ${with_abi:+--user-regs=ax} "${words[@]}"
}

# The same as perf_stop, and leaves the file.
perf_stop_writing() {
	perf_end
	events=$(perf report --stats -i "$perf_file" 2>/dev/null | awk '/SAMPLE events:/ { print $3; exit }')
	# It counts records that say so, not events; what was made is known better (run).
	lost=- bytes=$(stat -c %s "$perf_file") also=
}

perf_stop() {
	perf_stop_writing
	rm -f "$perf_file"
}

# The same with what ringside has of a system call and perf leaves out: whether the caller is a 32-bit one, which comes with its registers.
perf_abi_start() {
	local with_abi=yes
	perf_start "$@"
}

perf_abi_stop() {
	perf_stop
}

# Live: one writes into a pipe, the other prints.
perf_script_start() {
	local words
	perf_words "$@"
	# shellcheck disable=SC2016
	perf_begin bash -c 'perf record -a -m "$1" -B -N -D -1 --control="fifo:$2,$3" -o - "${@:5}" | perf script -i - >"$4"' _ \
		"${ring_kib}K" "$work/control" "$work/reply" "$text" "${words[@]}"
}

perf_script_stop() {
	perf_end
	count_lines '^[^#]'
}

# count_lines PATTERN: what was printed.
count_lines() {
	events=$(grep -acE "$1" "$text")
	lost=- bytes=0 also=
	rm -f "$text"
}

# perf_trace_start PID CALLS: with PID "" of the whole host.
perf_trace_start() {
	local where=(-a)
	[ -z "$1" ] || where=(-p "$1")
	timed perf trace "${where[@]}" -m "${ring_kib}K" -e "$2" -o "$text"
	# It does not say when it is ready.
	sleep 1
	timed_ready
}

# One line per call.
perf_trace_stop() {
	timed_end INT
	count_lines '\) *= |\.\.\.$'
	lost=$(grep -acE '^LOST' "$work/err")
	[ "$lost" != 0 ] || lost=-
}

# bpftrace_start PROGRAM
bpftrace_start() {
	BPFTRACE_PERF_RB_PAGES=$((ring_kib / 4)) timed bpftrace -B full -o "$text" -e "BEGIN { printf(\"ready\\n\") } $1"
	sleep 0.5
	wait_for 20 grep -qs Attaching "$text" "$work/out" || fail "bpftrace: $(cat "$work/err")"
	sleep 1
	timed_ready
}

bpftrace_stop() {
	local told
	timed_end INT
	told=$(cat "$work/err" "$work/out" "$text" | grep -aoE '[Ll]ost [0-9]+ events' | awk '{ n += $2 } END { print n + 0 }')
	count_lines '^:'
	[ "$told" = 0 ] || lost=$told
}

# trace_cmd_start FILTER EVENT...
trace_cmd_start() {
	local filter=$1 words=() event
	shift
	for event; do words+=(-e "$event" ${filter:+-f "$filter"}); done
	timed trace-cmd record -q -b "$ring_kib" -o "$work/trace.dat" "${words[@]}"
	sleep 1
	if ! kill -0 "$tool" 2>/dev/null; then
		# It wants more of the kernel than events (/proc/sys/kernel/ftrace_enabled, say).
		refusal=$(tr -s '\n ' ' ' <"$work/err")
		return 1
	fi
	timed_ready
}

trace_cmd_stop() {
	timed_end INT
	bytes=$(stat -c %s "$work/trace.dat")
	events=$(trace-cmd report -i "$work/trace.dat" 2>/dev/null | grep -acE '^ *[^ ].*: +[a-z_]+: ')
	lost=- also=
	rm -f "$work/trace.dat"
}

# strace_start PID CALLS: it counts, and prints nothing of each call.
strace_start() {
	timed strace -f -c -p "$1" -e "trace=$2" -o "$text"
	wait_for 10 grep -qs attached "$work/err" || fail "strace: $(cat "$work/err")"
	timed_ready
}

# It ends with what it watches.
strace_stop() {
	timed_end
	events=$(awk '/^100/ { print $4; exit }' "$text")
	lost=- bytes=0 also=
	rm -f "$text"
}
