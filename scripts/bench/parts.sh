# The parts of the benchmark: which tools watch which load. Sourced by bash, last.
parts=(flood calls many rings storms build idle latency memory stages)

# rounds_of PART LOAD LINE...: each LINE is a tool: its name in the tables, a colon, and what once() takes.
rounds_of() {
	local part=$1 load_name=$2 round line
	shift 2
	for ((round = 1; round <= rounds; round++)); do
		for line; do
			# shellcheck disable=SC2086 # words
			once "$part" "$round" "$load_name" "${line%%:*}" ${line#*:}
		done
	done
}

everybody=(
	"alone:alone"
	"ringside:ringside 1 -"
	"ringside, recorded too:ringside 1 record"
	"ringside, recorded only:ringside 0 record"
	"perf record:perf"
	"perf record &#124; perf script:perf_script"
	"perf trace:perf_trace"
	"bpftrace:bpftrace"
	"trace-cmd record:trace_cmd"
	"strace -f -c:strace"
)

part_flood() {
	rounds_of flood flood "${everybody[@]}"
}

part_storms() {
	rounds_of forks forks "${everybody[@]}"
	rounds_of opens opens "${everybody[@]}"
}

part_build() {
	rounds_of build build "${everybody[@]}"
}

part_calls() {
	rounds_of calls calls "alone:alone" "ringside:ringside 1 -" "ringside, recorded too:ringside 1 record" "ringside, recorded only:ringside 0 record" \
		"perf record:perf" "perf record --user-regs=ax:perf_abi"
	rounds_of filtered filtered "alone:alone" "ringside:ringside 1 -" "perf record:perf"
}

part_many() {
	rounds_of "many" calls "1 subscriber:ringside 1 -" "4 subscribers:ringside 4 -" "16 subscribers:ringside 16 -"
	rounds_of "many" shares "1,000 subscribers, a share each:ringside 1000 -"
	rounds_of "many" selective "1,000 subscribers, one takes all:ringside 1000 -"
}

part_rings() {
	local usual=$ring_kib
	for ring_kib in 64 256 1024; do
		rounds_of "rings" calls "ringside, $ring_kib KiB:ringside 1 -" "perf record, $ring_kib KiB:perf"
	done
	ring_kib=$usual
}

part_idle() {
	rounds_of idle idle "ringside:ringside 1 -" "ringside, recorded too:ringside 1 record" "perf record:perf" "bpftrace:bpftrace" \
		"trace-cmd record:trace_cmd"
}

# note PART NAME VALUE UNIT
note() {
	printf '%s\t%s\t%s\t%s\n' "$@" | tee -a "$work/notes"
}

# From the kernel's time stamp to the client that has it, at RATE events per second.
latency_at() {
	local rate=$1 seconds=5 percentile

	calls_load $((rate * seconds)) $((1000000000 / rate))
	latency=yes
	ringside_start "$query" 1 -
	latency=
	load_run
	ringside_stop
	for percentile in p50 p99 p999 max; do
		note latency "$percentile at $rate/s" "$(field "${percentile}_us" "$also" | awk '{ print $1 / 1000 }')" ms
	done
	note latency "lost at $rate/s" "$lost" events
	note latency "CPU at $rate/s" "$(awk -v cpu="$cpu" -v us="$load_us" 'BEGIN { print cpu / us / 10 }')" "% of a core"
}

part_latency() {
	local round rate
	for ((round = 1; round <= rounds; round++)); do
		for rate in 1000 10000 100000; do latency_at "$rate"; done
	done
}

# A host with 10,000 processes.
part_memory() {
	local round sleeping
	coproc SLEEPING { exec "$build/tests/bench/sleeping" 10000; }
	# shellcheck disable=SC2153 # that of the coproc
	sleeping=$SLEEPING_PID
	read -r -t 60 -u "${SLEEPING[0]}" _ || fail "no processes"
	for ((round = 1; round <= rounds; round++)); do
		calls_load "$calls"
		ringside_start "$query" 1 record
		load_run
		note memory "resident with 10,000 processes, recorded too, after a flood" "$(awk -v kib="$(resident_kib "$tool")" 'BEGIN { print kib / 1024 }')" MiB
		ringside_stop
	done
	kill "$sleeping"
	wait "$sleeping"
}

# What a profile's symbols are about: thread, object and symbol, as perf report names them.
stage_of='
	function stage(thread, object, symbol) {
		if (thread == "recorder")
			return object ~ /zstd/ ? "recorder: compressing (zstd)" : object ~ /kernel/ ? "recorder: writing" : "recorder: blocks"
		if (thread == "grpc") return object ~ /kernel/ ? "sending: the socket" : "sending: gRPC"
		if (thread != "ringside") return "other threads"
		if (object ~ /kernel/) return "loop: wake-ups"
		if (symbol ~ /^(collector|perf_ring|ring_|hook_|sample_record|loss_list|late_reads|cpu_)/) return "loop: rings, merge, losses"
		if (symbol ~ /^(kind_index|matcher|find_in|find_bucket|find\.|drop_unwanted|term_|load_|integer_)/) return "loop: matching"
		if (symbol ~ /^(encode|capsule8|wire|utf8|template)/ || symbol ~ /mem(cpy|move)/) return "loop: encoding"
		if (symbol ~ /^(subscriber|feed|outbox|chunk|buffer|settle|consume)/ || symbol ~ /alloc|free/) return "loop: chunks, handing over"
		if (symbol ~ /^(sensor|build|process|thread_credentials|take_facts|format|syscall|call_table)/) return "loop: processes, events"
		return "loop: the rest"
	}'

# Where the time goes: the shares of a profile, of what the threads have taken.
part_stages() {
	local round profiler
	for ((round = 1; round <= rounds; round++)); do
		calls_load "$calls"
		ringside_start "$query" 1 record
		perf record -q -e cpu-clock -F 4000 -p "$tool" -o "$work/profile" >/dev/null 2>&1 &
		profiler=$!
		sleep 1
		ready_ns=$(cpu_ns "$tool")
		load_run
		sleep 1
		kill -INT "$profiler"
		wait "$profiler"
		cpu=$(($(cpu_ns "$tool") - ready_ns))
		ringside_stop
		perf report -i "$work/profile" --no-children -F overhead,comm,dso,sym -t ';' --stdio 2>/dev/null | awk -F ';' -v cpu="$cpu" -v events="$events" "$stage_of"'
			/^ *[0-9.]+/ {
				gsub(/^ +| +$/, "", $1); gsub(/ +$/, "", $2); gsub(/ +$/, "", $3); sub(/^ *\[.\] */, "", $4)
				share[stage($2, $3, $4)] += $1
				all += $1
			}
			END { for (s in share) printf "stages\t%s\t%.2f\tns\n", s, share[s] / all * cpu / events }' | sort | tee -a "$work/notes"
	done
}
