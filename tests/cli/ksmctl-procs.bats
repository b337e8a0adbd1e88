#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-procs.bats - procs: who shares what, one by one and in groups, with
# processes that die, lie about their names, or may not be looked at.

load ../lib/helpers

setup() { use_root 6.12-busy; }

# pids OPTION...: the numbers that are listed, on one line.
pids() {
	ksmctl procs -rn -o PID -s "$ROOT" "$@" | tr '\n' ' '
}

@test "procs: text on each kernel" {
	for root in 6.12-idle 6.12-busy 7.3-busy 7.3-hksm 6.1 5.15-old arm64-16k cgroup-v1; do
		use_root $root
		expect 0 ksmctl procs -s "$ROOT"
		golden text-$root
		root_unchanged $root
	done
}

@test "procs: JSON, raw, CSV, bytes, no headings" {
	expect 0 ksmctl procs -J -s "$ROOT"
	golden json
	valid_json
	expect 0 ksmctl procs -r -s "$ROOT"
	golden raw
	expect 0 ksmctl procs --csv -s "$ROOT"
	golden csv
	expect 0 ksmctl procs -b -s "$ROOT"
	golden bytes
	expect 0 ksmctl procs -n -s "$ROOT"
	stderr_is ""
	same "first word" "${lines[0]%% 41002*}" 1001
}

@test "procs: all columns, by every kernel that has them" {
	expect 0 ksmctl procs --output-all -J -s "$ROOT"
	golden json-all
	valid_json
	use_root 7.3-hksm
	expect 0 ksmctl procs --output-all -J -s "$ROOT"
	golden json-all-hksm
	valid_json
	expect 0 ksmctl procs -o +DOMAIN,SCANNED,CPU,MERGES,BREAKS,META -s "$ROOT"
	golden text-all-hksm
}

# A process of @3 mappings of which every second is marked.
many_mappings() {
	awk -v n="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "%x-%x rw-p 00000000 00:00 0\nRss: 8 kB\nAnonymous: 4 kB\nVmFlags: rd wr%s\n",
				4096 * (i + 16), 4096 * (i + 17), i % 2 ? " mg" : ""
	}' >"$ROOT/proc/$1/smaps"
}

@test "procs: MARKED and STRIP" {
	export LC_ALL=C
	many_mappings 2001 4
	: >"$ROOT/proc/2002/smaps"
	rm "$ROOT/proc/2003/smaps"
	expect 0 ksmctl procs -o PID,MARKED,STRIP -s "$ROOT"
	golden strip
	expect 0 ksmctl procs -J -p 2001,2002 -o PID,MARKED,STRIP -s "$ROOT"
	golden strip-json
	valid_json
	# The order is that of the share; what has none comes last.
	expect 0 ksmctl procs -rn -o PID --sort strip -p 2001,2002,1001 -s "$ROOT"
	stdout_is "2001
1001
2002"
	# Of groups there is none.
	expect 2 ksmctl procs --by user -o STRIP -s "$ROOT"
	stderr_has "unknown column 'STRIP'"
}

@test "procs: STRIP of a process with very many mappings" {
	many_mappings 2001 65530
	expect 0 ksmctl procs -rn -p 2001 -o MARKED,STRIP -s "$ROOT"
	stderr_is ""
	stdout_is "134205440 55555555555555555555555555555555"
	expect 0 ksmctl vmas --join -rn -p 2001 -o PARTS,MARKED,STRIP -s "$ROOT"
	stdout_is "65530 134205440 55555555555555555555555555555555"
}

@test "procs: --sort, and the default: most merging first" {
	expect 0 ksmctl procs -rn -o MERGING,ZERO -s "$ROOT"
	stderr_is ""
	stdout_is "$(awk '{ print $1 + $2, $0 }' <<<"$output" | sort -rn -s -k1,1 | cut -d' ' -f2-)"
	same "by profit" "$(ksmctl procs -rn -o PROFIT --sort profit -s "$ROOT" | head -n 1)" -3159040
	same "by -pid" "$(pids --sort -pid)" "2150 2003 2002 2001 1010 1003 1002 1001 "
}

@test "procs: -p shows named processes whether or not they take part" {
	expect 0 ksmctl procs -p 2001,1 -p 2150 -s "$ROOT"
	golden pids
	expect 0 ksmctl procs --pid 2001 -rn -o PID -s "$ROOT"
	stdout_is 2001
	stderr_is ""
}

@test "procs: -p of a process that is not there" {
	expect 1 ksmctl procs -p 9999 -s "$ROOT" -n
	stdout_is ""
	stderr_is "ksmctl: 9999: cannot read: No such process"
	expect 4 ksmctl procs -p 9999,2001 -rn -o PID -s "$ROOT"
	stdout_is 2001
	stderr_is "ksmctl: 9999: cannot read: No such process"
}

@test "procs: -p of no number" {
	for word in 0 -5 x 1x "" 1, ,1 99999999999 "1 2" 0x1; do
		expect 2 ksmctl procs --pid="$word" -s "$ROOT"
		stdout_is ""
		stderr_has ": not a process number
Try 'ksmctl procs --help' for more information."
	done
}

@test "procs: --all shows also who does not take part, kernel threads never" {
	same pids "$(pids -a --sort pid)" "1 812 813 1001 1002 1003 1010 2001 2002 2003 2150 2300 2301 2302 2310 "
	expect 0 ksmctl procs --all -s "$ROOT"
	golden all
}

@test "procs: --match, --user, --cgroup, --tree" {
	same match "$(pids --match 'guest=web0[12]')" "1001 1002 "
	same match "$(pids --match '^/usr/bin/python3 ')" "2001 2002 2003 "
	same match "$(pids --match nothing-like-it)" ""
	same user "$(pids --user 41003)" "2001 2002 2003 "
	same cgroup "$(pids --cgroup /machine.slice)" "1001 1002 1003 "
	same cgroup "$(pids --cgroup /machine.slice/)" "1001 1002 1003 "
	# A path, not the beginning of a string.
	same cgroup "$(pids --cgroup /machine.sl)" ""
	same cgroup "$(pids --cgroup / | wc -w)" 8
	same both "$(pids --user 41003 --match 2)" "$(pids --user 41003 --match 2)"
	same tree "$(pids -p 1 --tree --sort pid)" "1 812 813 1001 1002 1003 1010 2001 2002 2003 2150 2300 2301 2302 2310 "
	same tree "$(pids --user 41003 --tree)" "2001 2002 2003 "
}

@test "procs: bad conditions" {
	expect 2 ksmctl procs --match '(' -s "$ROOT"
	stdout_is ""
	stderr_has 'ksmctl: bad regular expression "(": '
	expect 2 ksmctl procs --user nobody-has-this-name -s "$ROOT"
	stdout_is ""
	stderr_has 'ksmctl: unknown user "nobody-has-this-name"'
	expect 2 ksmctl procs --by colour -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: --by: colour: not a way to group (pid, comm, user, cgroup, unit, vm, container, pod, namespace)
Try 'ksmctl procs --help' for more information."
	expect 2 ksmctl procs extra -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: extra: unexpected argument"
}

@test "procs: --by each group" {
	for by in pid comm user cgroup unit vm; do
		expect 0 ksmctl procs --by $by -s "$ROOT"
		golden by-$by
	done
	expect 0 ksmctl procs --by unit -J -s "$ROOT"
	golden by-unit-json
	valid_json
	expect 0 ksmctl procs --by user -a -o GROUP,PROCS,MEMBERS -s "$ROOT" --sort group
	golden by-user-all
}

@test "procs: groups of cgroup version 1, and libvirt's old names" {
	use_root cgroup-v1
	for by in cgroup unit vm; do
		expect 0 ksmctl procs -a --by $by -s "$ROOT"
		golden by-$by-v1
	done
}

@test "procs: groups of containers, and of pods by the names of the kubelet's directories" {
	use_root pods
	for by in container pod namespace; do
		expect 0 ksmctl procs --by $by -s "$ROOT"
		golden by-$by
	done
	expect 0 ksmctl procs --by namespace -J -o GROUP,PROCS -s "$ROOT"
	golden by-namespace-json
	valid_json
	expect 0 ksmctl procs -o PID,CONTAINER,POD,NAMESPACE --sort pid -s "$ROOT"
	golden pod-columns
	root_unchanged pods
	# The kubelet's are directories, with the logs in them.
	rm "$ROOT"/var/log/pods/*
	mkdir -p "$ROOT/var/log/pods/town_hall-0_d02c9b1e-77aa-4f10-8c3d-1b2a3c4d5e44/main"
	same pods "$(ksmctl procs -rn --by pod -o GROUP --sort group -s "$ROOT")" \
		"3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11
91c0b7de-5a02-4d3e-8f44-6b1a2c9e0d22
a7d4e2b8-1f6c-4c09-b3aa-5e8d7f6c4b33
town/hall-0"
	rm -r "$ROOT/var/log"
	expect 0 ksmctl procs -rn --by namespace -o GROUP -p 2001 -s "$ROOT"
	stdout_is "uid:3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
	stderr_is ""
}

@test "procs: directories of pods that mean harm" {
	local uid=3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11 i

	use_root pods
	# Another one claims the uid: nobody's name is believed.
	mkdir "$ROOT/var/log/pods/bank_ledger-0_$uid"
	same pod "$(ksmctl procs -rn -o POD -p 2001 -s "$ROOT")" "$uid"
	rm -r "$ROOT/var/log/pods"
	mkdir "$ROOT/var/log/pods" "$ROOT/var/log/pods/"$'sh\e[2Jop_web_'"$uid"
	same pod "$(ksmctl procs -rn -o POD -p 2001 -s "$ROOT")" "$uid"
	rm -r "$ROOT/var/log/pods"
	# Nothing there is opened but the directory, and a pipe in its place keeps nobody waiting.
	mkfifo "$ROOT/var/log/pods"
	expect 0 timeout 10 ksmctl procs -rn -o POD -p 2001 -s "$ROOT"
	stdout_is "$uid"
	stderr_is ""
	rm "$ROOT/var/log/pods"
	ln -s /etc "$ROOT/var/log/pods"
	expect 0 ksmctl procs -rn -o POD -p 2001 -s "$ROOT"
	stdout_is "$uid"
}

@test "procs: a machine's name from QEMU's command line, or its number" {
	same vm "$(ksmctl procs -rn -o VM -p 1010 -s "$ROOT")" build
	printf '/usr/bin/qemu-system-x86_64\0-m\0001G\0' >"$ROOT/proc/1010/cmdline"
	same vm "$(ksmctl procs -rn -o VM -p 1010 -s "$ROOT")" 1010
	printf '/usr/bin/qemu-system-x86_64\0-name\0guest=a,,b,debug-threads=on\0' \
		>"$ROOT/proc/1010/cmdline"
	same vm "$(ksmctl procs -rn -o VM -p 1010 -s "$ROOT")" a,b
	printf 'sleep\0-name\0guest=fake\0' >"$ROOT/proc/1010/cmdline"
	same vm "$(ksmctl procs -rn -o VM -p 1010 -s "$ROOT")" -
}

@test "procs: hostile names are never raw, and JSON stays valid" {
	use_root hostile
	for locale in C C.UTF-8; do
		LC_ALL=$locale expect 0 ksmctl procs -a -s "$ROOT" --sort pid
		[[ $locale != C ]] || clean_text
		golden hostile-$locale
		for format in -r --csv; do
			LC_ALL=$locale expect 0 ksmctl procs -a $format --output-all -s "$ROOT"
			stderr_is ""
			[[ $locale != C ]] || clean_text
			# One line a process, whatever newlines its name has.
			same "$format lines" "${#lines[@]}" 19
		done
		LC_ALL=$locale expect 0 ksmctl procs -a -J --output-all --sort pid -s "$ROOT"
		golden hostile-json-$locale
		valid_json
	done
	for by in comm cgroup unit vm container pod namespace; do
		expect 0 ksmctl procs -a --by $by -s "$ROOT"
		stderr_is ""
		clean_text
		expect 0 ksmctl procs -a --by $by -J -s "$ROOT"
		stderr_is ""
		valid_json
	done
}

@test "procs: a raw line has as many words as columns, always" {
	use_root hostile
	expect 0 ksmctl procs -a -r --output-all -s "$ROOT"
	stderr_is ""
	same "counts of words" "$(awk '{ print NF }' <<<"$output" | sort -u)" 24
}

@test "procs: who dies between listing and reading is left out silently" {
	# The directory is there, what was in it is gone.
	mkdir "$ROOT/proc/5000"
	cp "$ROOT/proc/2001"/{status,smaps} "$ROOT/proc/5000"
	# A file in the list that is none any more.
	touch "$ROOT/proc/5002"
	expect 0 ksmctl procs -rn -a -o PID --sort pid -s "$ROOT"
	stderr_is ""
	same pids "${output//$'\n'/ }" "1 812 813 1001 1002 1003 1010 2001 2002 2003 2150 2300 2301 2302 2310"
	rm "$ROOT/proc/2003"/{stat,smaps,cgroup,cmdline}
	expect 0 ksmctl procs -rn --by unit -o GROUP -s "$ROOT"
	stderr_is ""
	[[ $output != *worker@3* ]] || fail "a process without a cgroup is in one"
}

@test "procs: garbage" {
	use_root garbage
	expect 4 ksmctl procs -a -s "$ROOT"
	stdout_has "8 EiB"
	same "told" "$(sort <<<"$stderr")" "ksmctl: 10: cannot read: unexpected contents
ksmctl: 11: cannot read: unexpected contents
ksmctl: 15: cannot read: unexpected contents
ksmctl: 1: cannot read: unexpected contents"
	expect 4 ksmctl procs -a -J -s "$ROOT"
	valid_json
}

@test "procs: others' figures may be denied" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 0 unprivileged ksmctl procs -s "$ROOT"
	golden denied
	expect 0 unprivileged ksmctl procs -a -s "$ROOT"
	golden denied-all
	expect 0 unprivileged ksmctl procs -a -J -s "$ROOT" --sort pid
	golden denied-json
	valid_json
	expect 0 unprivileged ksmctl procs -q -rn -o PID -s "$ROOT"
	stdout_is 2002
	stderr_is ""
}

@test "procs: --exact finds who was marked and not scanned yet" {
	# Before 7.3 ksm_stat does not tell; the mappings do.
	printf 'ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\n' \
		>"$ROOT/proc/2003/ksm_stat"
	same "quick" "$(pids --user 41003)" "2001 2002 "
	same "exact" "$(pids --user 41003 -x)" "2001 2002 2003 "
	same "exact" "$(pids --user 41003 --exact)" "2001 2002 2003 "
}

@test "procs: nobody takes part" {
	use_root 6.12-idle
	expect 0 ksmctl procs -s "$ROOT"
	stdout_is "PID USER STATE RSS MERGING ZERO ITEMS PROFIT COMMAND"
	stderr_is ""
	expect 0 ksmctl procs -v -s "$ROOT"
	stderr_is "ksmctl: no process has mergeable memory (see: ksm-advise)"
	expect 0 ksmctl procs -J -s "$ROOT"
	stdout_is '{
   "procs": []
}'
	stderr_is ""
}

@test "procs: KSM absent" {
	use_root no-ksm
	expect 3 ksmctl procs -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
}
