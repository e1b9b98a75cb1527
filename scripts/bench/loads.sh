# The loads, and what is to be seen of each, in every tool's words. Sourced by bash, behind lib.sh and tools.sh.
#
# load_NAME prepares it (load_prepare) and sets
#	made	events that there are to see; "-": nobody knows
#	query	ringside's
#	filter, perf_events	perf record's and trace-cmd's
#	trace_pid, trace_calls	perf trace's
#	program	bpftrace's; it prints lines that begin with a colon
#	strace_calls

arguments='args->args[0], args->args[1], args->args[2], args->args[3], args->args[4], args->args[5]'
print_call="printf(\":%llu %d %d %d %s %d %lx %lx %lx %lx %lx %lx\\n\", nsecs, cpu, pid, tid, comm, args->id, $arguments);"

# One core that reads a byte and writes a byte, as fast as it can.
load_flood() {
	local bytes=$((flood_bytes / part_of))
	load_prepare dd if=/dev/zero of=/dev/null bs=1 count="$bytes"
	made=$((2 * bytes))
	query="syscall:read:enter where pid = $load; syscall:write:enter where pid = $load"
	filter="(id == 0 || id == 1) && common_pid == $load"
	perf_events=(raw_syscalls:sys_enter)
	trace_pid=$load trace_calls=read,write
	program="tracepoint:raw_syscalls:sys_enter /pid == $load && (args->id == 0 || args->id == 1)/ { $print_call }"
	strace_calls=read,write
}

# One core that makes a call that nobody else makes: exactly known. calls_load CALLS [SPACING_NS [KINDS]]
calls_load() {
	load_prepare "$build/tests/load/syscall_flood" "$1" $((cpus - 1)) "$number" "${2-0}" "${3-0}"
	made=$1
	query="syscall:$number:enter"
	filter="id == $number"
	perf_events=(raw_syscalls:sys_enter)
	trace_pid=$load trace_calls=readahead
	program="tracepoint:raw_syscalls:sys_enter /args->id == $number/ { $print_call }"
	strace_calls=readahead
}

load_calls() {
	calls_load "$calls"
}

# A thousand subscribers, each of which wants one in a thousand.
load_shares() {
	calls_load "$calls" 0 1000
	query="syscall:$number:enter where arg2 = {}"
}

# A thousand subscribers for a thousand calls, of which the first is made.
load_selective() {
	calls_load "$calls" 0 1
	query="syscall:$number:enter where arg2 = {}"
}

# What the kernel's filter holds back: somebody wants another call.
load_filtered() {
	calls_load "$calls"
	made=0
	query="syscall:$((number + 1)):enter"
	filter="id == $((number + 1))"
}

# Programs that are started and end, eight at a time.
load_forks() {
	local programs=$((forks / part_of))
	load_prepare "$build/tests/load/fork_storm" "$programs" 8
	made=$((3 * programs))
	query='process:fork; process:exec; process:exit'
	filter=
	perf_events=(sched:sched_process_fork sched:sched_process_exec sched:sched_process_exit)
	trace_pid= trace_calls=clone,execve,exit_group
	program='tracepoint:sched:sched_process_fork { printf(":%llu %d %d fork %d\n", nsecs, pid, tid, args->child_pid); }
		tracepoint:sched:sched_process_exec { printf(":%llu %d %d exec %s\n", nsecs, pid, tid, str(args->filename)); }
		tracepoint:sched:sched_process_exit { printf(":%llu %d %d exit %s\n", nsecs, pid, tid, comm); }'
	strace_calls=clone,execve,exit_group
}

# Files that are opened and closed.
load_opens() {
	made=$((opens / part_of))
	load_prepare "$build/tests/load/open_storm" "$made"
	query="file:open where pid = $load"
	filter="common_pid == $load"
	perf_events=(syscalls:sys_enter_openat)
	trace_pid=$load trace_calls=openat
	program="tracepoint:syscalls:sys_enter_openat /pid == $load/ {
		printf(\":%llu %d %d %s %s %x %x\\n\", nsecs, pid, tid, comm, str(args->filename), args->flags, args->mode); }"
	strace_calls=openat
}

# A part of this project is compiled.
load_build() {
	part_of=1
	rm -rf "$work/compiled"
	load_prepare make -s -j"$cpus" BUILD="$work/compiled" "$work/compiled/libbase.a" "$work/compiled/libsubscription.a"
	made=-
	query='process:fork; process:exec; process:exit; file:open'
	filter=
	perf_events=(sched:sched_process_fork sched:sched_process_exec sched:sched_process_exit syscalls:sys_enter_openat)
	trace_pid= trace_calls=clone,clone3,vfork,execve,exit_group,openat
	program='tracepoint:sched:sched_process_fork { printf(":%llu %d %d fork %d\n", nsecs, pid, tid, args->child_pid); }
		tracepoint:sched:sched_process_exec { printf(":%llu %d %d exec %s\n", nsecs, pid, tid, str(args->filename)); }
		tracepoint:sched:sched_process_exit { printf(":%llu %d %d exit %s\n", nsecs, pid, tid, comm); }
		tracepoint:syscalls:sys_enter_openat { printf(":%llu %d %d open %s\n", nsecs, pid, tid, str(args->filename)); }'
	strace_calls=$trace_calls
}

# Nothing, with everything in place for what may come.
load_idle() {
	part_of=1
	load_forks
	kill -KILL "$load"
	wait "$load" 2>/dev/null
	load_prepare sleep "$idle_seconds"
	made=-
}
