#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-doctor.bats - doctor: each finding where it applies, and only there.
# Findings that need two samples are held to tables by tests/unit.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

# A kernel that has nothing to complain of: 7.3-busy.
setup() { use_root 7.3-busy; }

put() { echo "$2" >"$ROOT/$ksm/$1"; }

# finds LINE: that is all of the output, and the status says that there is one.
finds() {
	expect 1 ksmctl doctor -s "$ROOT"
	stdout_is "$1"
	stderr_is ""
}

@test "doctor: nothing found" {
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	stderr_is ""
	expect 0 ksmctl doctor -J -s "$ROOT"
	golden nothing-json
	valid_json
	root_unchanged 7.3-busy
}

@test "doctor: stopped, with and without merged pages, and unmerging" {
	put run 0
	finds "system: merging is stopped: merged pages stay merged, new ones are not found  [ksmctl start]"
	put run 2
	finds "system: run is 2: everything was unmerged and merging stays off  [ksmctl start]"
	use_root 6.12-idle
	finds "system: merging is stopped: no memory is looked at  [ksmctl start]"
}

@test "doctor: memory going offline" {
	put run 5
	finds "system: memory is going offline: merging waits for it"
}

@test "doctor: nobody asked for merging" {
	use_root 6.12-idle
	put run 1
	finds "system: no memory is tracked: no process has asked for merging  [ksm-advise -p PID  (or: ksm-advise -- COMMAND)]"
}

# unscanned: as after boot, before the scanner came to anybody.
unscanned() {
	for name in pages_shared pages_sharing pages_unshared pages_volatile ksm_zero_pages \
		full_scans general_profit; do
		put $name 0
	done
	# Before 6.15 only the mappings tell who asked.
	for pid in "$ROOT"/proc/[0-9]*; do
		printf 'ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\n%s\n' \
			"ksm_process_profit 0" >"$pid/ksm_stat"
	done
}

@test "doctor: somebody asked, and nothing was scanned yet" {
	unscanned
	finds "system: 6 processes are mergeable, and nothing of their memory was scanned yet  [ksmctl settle]"
	put pages_to_scan 0
	finds "system: the scanner runs, but scans no page: pages_to_scan is 0  [ksmctl set pages_to_scan 100]"
}

@test "doctor, status: the scanner runs and scans nothing" {
	put pages_to_scan 0
	finds "system: the scanner runs, but scans no page: pages_to_scan is 0  [ksmctl set pages_to_scan 100]"
	expect 0 ksmctl status -s "$ROOT"
	stderr_is ""
	stdout_has "warning    the scanner runs, but scans no page: pages_to_scan is 0
             ksmctl set pages_to_scan 100"
	put advisor_mode "none [scan-time]"
	finds "system: the scanner runs, but scans no page: pages_to_scan is 0  [ksmctl set advisor_min_pages_to_scan=500 advisor_max_pages_to_scan=30000]"
	put pages_to_scan 50
	put sleep_millisecs 3600000
	finds "system: the scanner scans less than a page a second: 50 pages, then 3600000 ms of sleep  [ksmctl set sleep_millisecs 20]"
}

@test "doctor, status: zero pages: khugepaged takes them back; a vendor merges no others" {
	thp=sys/kernel/mm/transparent_hugepage
	mkdir -p "$ROOT/$thp/khugepaged"
	echo "always [madvise] never" >"$ROOT/$thp/enabled"
	echo 511 >"$ROOT/$thp/khugepaged/max_ptes_none"
	put ksm_zero_pages 5000
	finds "system: khugepaged may take the memory of zero pages back: it makes a huge page of a range with up to 511 of them  [echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none]"
	echo "always madvise [never]" >"$ROOT/$thp/enabled"
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	put redhat_only_zero_pages 1
	finds "system: only pages full of zeroes are merged: redhat_only_zero_pages is 1  [echo 0 >/sys/kernel/mm/ksm/redhat_only_zero_pages]"
	expect 0 ksmctl -s "$ROOT"
	stdout_has "warning    only pages full of zeroes are merged: redhat_only_zero_pages is 1"
	# What is no number is not judged.
	put redhat_only_zero_pages maybe
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
}

@test "doctor, status: what hksm was told, and what it had no memory for" {
	use_root 7.3-hksm
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	put hksm/zero_only 1
	finds "system: only pages full of zeroes are merged: hksm/zero_only is 1  [ksmctl set hksm/zero_only 0]"
	put hksm/zero_only 0
	put hksm/one_pass 0
	finds "system: memory merges only after two passes have seen it the same: hksm/one_pass is 0  [ksmctl set hksm/one_pass 1]"
	put hksm/one_pass 1
	put hksm/candidates_dropped 50000
	put hksm/words_reclaimed 1
	finds "system: memory was short: 50000 times hksm could not remember a page  [ksmctl procs --sort PROFIT]"
	expect 0 ksmctl -s "$ROOT"
	stdout_has "hksm       one_pass 1, zero_only 0, split_min 64, scanners 1"
	stdout_has "short      of memory: 50000 pages not remembered, 1 forgotten again"
	stdout_has "warning    memory was short: 50000 times hksm could not remember a page"
	put hksm/candidates_dropped 20000
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	expect 0 ksmctl status -J -s "$ROOT"
	stdout_has '"hksm/candidates_dropped": 20000,'
	valid_json
}

@test "doctor, status: UKSM beside KSM, and in its place" {
	mkdir -p "$ROOT/sys/kernel/mm/uksm"
	echo 1 >"$ROOT/sys/kernel/mm/uksm/run"
	finds "system: this kernel has a second engine, UKSM (/sys/kernel/mm/uksm, run is 1), whose work is not shown here  [echo 0 >/sys/kernel/mm/uksm/run]"
	rm -r "${ROOT:?}/$ksm"
	for cmd in doctor status "get run"; do
		# shellcheck disable=SC2086
		expect 3 ksmctl $cmd -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: /sys/kernel/mm/uksm: this kernel has the engine UKSM in place of KSM, and this program knows only the kernel's own (and hksm)"
	done
}

@test "doctor: two passes are needed" {
	put full_scans 1
	finds "system: the engine needs two passes to merge a page, and 1 are done  [ksmctl settle]"
}

@test "doctor: a pass takes too long" {
	put pages_to_scan 10
	# 525990 tracked pages at 500 a second
	finds "system: a pass over what is mergeable takes about 17 minutes at this rate  [ksmctl set advisor_mode scan-time]"
	# The advisor finds its own rate.
	put advisor_mode "none [scan-time]"
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	use_root 6.1
	put pages_to_scan 10
	finds "system: a pass over what is mergeable takes about 13 minutes at this rate  [ksmctl profile balanced]"
}

@test "doctor: the whole costs more than it saves" {
	put general_profit -1
	finds "system: merging costs more memory for its metadata than it saves  [ksmctl procs --sort PROFIT]"
}

@test "doctor: mostly unique or changing: smart_scan hides which" {
	put pages_unshared 4000000
	finds "system: 94 % of the pages looked at are not merged: they have no twin, or they change; smart_scan passes over most of them  [ksmctl procs --sort PROFIT]"
	put pages_unshared 0
	put pages_volatile 4000000
	finds "system: 94 % of the pages looked at are not merged: they have no twin, or they change; smart_scan passes over most of them  [ksmctl procs --sort PROFIT]"
}

@test "doctor: mostly unique, mostly changing" {
	rm "$ROOT/$ksm/smart_scan"
	put pages_unshared 4000000
	finds "system: 93 % of the pages looked at have no twin: these programs share little  [ksmctl procs --sort PROFIT]"
	put pages_unshared 0
	put pages_volatile 4000000
	finds "system: 94 % of the pages change between passes or are pinned  [ksmctl watch]"
	# Too few pages to say anything.
	put pages_volatile 900
	put pages_shared 10
	put pages_sharing 10
	put general_profit 10
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
}

@test "doctor: what switching a loser off takes is told where it is long" {
	use_root 6.12-busy
	# 300 MiB merged; up to 5 s a GiB
	printf 'ksm_rmap_items 9000000\nksm_zero_pages 0\nksm_merging_pages 76800\n%s\n' \
		"ksm_process_profit -5000000" >"$ROOT/proc/2150/ksm_stat"
	finds "pid 2150: redis-server: costs more metadata than it saves: profit -4.8 MiB; switching it off copies 300 MiB, which takes up to 1.4s  [ksm-advise -d --madvised -p 2150]"
	expect 1 ksmctl doctor -p 2150 -s "$ROOT"
	stderr_is ""
	stdout_has "it costs more metadata than it saves; switching it off copies 300 MiB, which takes up to 1.4s  [ksm-advise -d --madvised -p 2150]"
}

@test "doctor: NUMA nodes kept apart, smart scan off" {
	put merge_across_nodes 0
	finds "system: pages of different NUMA nodes are not merged (merge_across_nodes is 0)  [ksmctl unmerge && ksmctl set merge_across_nodes 1 run 1]"
	put merge_across_nodes 1
	put smart_scan 0
	finds "system: smart_scan is off: pages that never merge are read in every pass  [ksmctl set smart_scan 1]"
}

@test "doctor: too many copies of the same" {
	put stable_node_chains 10
	put stable_node_dups 5000
	finds "system: 5000 further copies are kept because one may serve 256 pages at most  [ksmctl unmerge && ksmctl set max_page_sharing 1024 run 1]"
}

@test "doctor: several findings, most important first" {
	put run 0
	put general_profit -5
	put merge_across_nodes 0
	expect 1 ksmctl doctor -s "$ROOT"
	golden several
	expect 1 ksmctl doctor -J -s "$ROOT"
	golden several-json
	valid_json
}

@test "doctor: the processes that lose most, at most three" {
	use_root 6.12-busy
	finds "pid 2150: redis-server: costs more metadata than it saves: profit -3 MiB  [ksm-advise -d --madvised -p 2150]"
	for pid in 1001 2001 2002 2003; do
		printf 'ksm_rmap_items 1\nksm_zero_pages 0\nksm_merging_pages 1\nksm_process_profit -%d00\n' \
			$pid >"$ROOT/proc/$pid/ksm_stat"
	done
	finds "pid 2150: redis-server: costs more metadata than it saves: profit -3 MiB  [ksm-advise -d --madvised -p 2150]
pid 2003: python3: costs more metadata than it saves: profit -196 KiB  [ksm-advise -d -p 2003]
pid 2002: python3: costs more metadata than it saves: profit -196 KiB (and more)  [ksm-advise -d -p 2002]"
}

@test "doctor: a loser with a hostile name" {
	use_root hostile
	printf 'ksm_rmap_items 1\nksm_merging_pages 1\nksm_process_profit -65536\n' \
		>"$ROOT/proc/3004/ksm_stat"
	expect 1 ksmctl doctor -s "$ROOT"
	clean_text
	stderr_is ""
	stdout_has 'pid 3004: \x1b[2J\x1b]0;pwn\x07: costs more'
	expect 1 ksmctl doctor -J -s "$ROOT"
	stderr_is ""
	valid_json
}

@test "doctor: -p of processes that do well, are off, or were not looked at yet" {
	expect 0 ksmctl doctor -p 2001 -s "$ROOT"
	stdout_is "nothing found"
	stderr_is ""
	expect 1 ksmctl doctor -p 2100,2101 -p 1 -s "$ROOT"
	golden pids
	expect 1 ksmctl doctor --pid 2100,2101,1 -J -s "$ROOT"
	golden pids-json
	valid_json
}

@test "doctor: -p on a stopped system" {
	put run 0
	expect 1 ksmctl doctor -p 2100 -s "$ROOT"
	golden pid-stopped
}

@test "doctor: -p of processes that cannot merge, or barely" {
	use_root 6.12-busy
	expect 1 ksmctl doctor -p 2301,2302,2310,2,2150 -s "$ROOT"
	golden pids-6.12
	# A guest that marked only its small part.
	sed -i '/^VmFlags/s/ mg\( \|$\)/\1/' "$ROOT/proc/1001/smaps"
	sed -i '0,/^VmFlags:.*/s//& mg/' "$ROOT/proc/1001/smaps"
	expect 1 ksmctl doctor -p 1001 -s "$ROOT"
	golden pid-partly
}

@test "doctor: -p: memory that is shared already, hugetlb pages, no twins" {
	use_root 6.12-busy
	cat >"$ROOT/proc/2001/smaps" <<-'EOF'
		1000-100000000 rw-s 00000000 00:01 77    /dev/shm/x
		Rss:            100000 kB
		Anonymous:           0 kB
		VmFlags: rd wr sh mr mw me ms
		200000000-240000000 rw-p 00000000 00:0f 9    /anon_hugepage (deleted)
		Rss:                 0 kB
		Anonymous:           0 kB
		VmFlags: rd wr mr mw me de ht
		300000000-300100000 rw-p 00000000 00:00 0
		Rss:              1000 kB
		Anonymous:        1000 kB
		VmFlags: rd wr mr mw me mg
	EOF
	printf 'ksm_rmap_items 250\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit -16000\n' \
		>"$ROOT/proc/2001/ksm_stat"
	expect 1 ksmctl doctor -p 2001 -s "$ROOT"
	golden pid-hopeless
}

@test "doctor: -p of processes that are not there or not ours" {
	expect 1 ksmctl doctor -p 9999 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: 9999: cannot read: No such process"
	expect 4 ksmctl doctor -p 9999,2001 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: 9999: cannot read: No such process"
	expect 2 ksmctl doctor -p abc -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: abc: not a process number"
	use_root denied
	need_unprivileged
	apply_modes
	expect 1 unprivileged ksmctl doctor -p 2001 -s "$ROOT"
	stderr_is "ksmctl: 2001: cannot read its mappings: Permission denied (needs root, or CAP_SYS_PTRACE)"
}

@test "doctor: what cannot be read is not judged" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 0 unprivileged ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	stderr_is ""
}

@test "doctor: KSM absent" {
	use_root no-ksm
	expect 3 ksmctl doctor -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
}

@test "doctor: ksm-autotune runs, has stopped the scanner, or died" {
	note=run/ksm-autotune/decision
	use_root 6.12-tuned
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	stderr_is ""
	expect 0 ksmctl doctor -J -s "$ROOT"
	golden tuned-json
	valid_json
	# Under its hand a slow pass is no finding, and a stop has its reason.
	sed -i 's/^want.run=1/want.run=0/; s/^reason=.*/reason=stopped: \x1b[31mnothing is gained/' \
		"$ROOT/$note"
	put run 0
	expect 1 ksmctl doctor -s "$ROOT"
	stdout_is 'system: ksm-autotune has stopped the scanner: stopped: \x1b[31mnothing is gained  [ksm-autotune explain]'
	clean_text
	expect 1 ksmctl doctor -J -s "$ROOT"
	stdout_has '"finding": "ksm-autotune has stopped the scanner: stopped: \u001b[31mnothing is gained"'
	valid_json
	rm -r "$ROOT/proc/900"
	expect 1 ksmctl doctor -s "$ROOT"
	stdout_is 'system: ksm-autotune (pid 900) died and put nothing back: 3 of its settings are in force  [ksm-autotune restore]
system: merging is stopped: merged pages stay merged, new ones are not found  [ksmctl start]'
}

@test "doctor: ksmtuned beside the kernel's advisor" {
	mkdir "$ROOT/proc/899"
	sed 's/^[0-9]* ([^)]*)/899 (ksmtuned)/' "$ROOT/proc/1/stat" >"$ROOT/proc/899/stat"
	cp "$ROOT/proc/1/status" "$ROOT/proc/899/status"
	put advisor_mode "[none] scan-time"
	says="beside: ksmtuned (pid 899) runs: it sets run, sleep_millisecs and pages_to_scan by free memory  [systemctl status ksmtuned]"
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found
$says"
	put advisor_mode "none [scan-time]"
	finds "system: ksmtuned (pid 899) decides about the scanner, and so does the kernel's advisor  [systemctl disable --now ksmtuned]
$says"
}

# process PID NAME UID: one more in the root, that is called so.
process() {
	mkdir "$ROOT/proc/$1"
	sed "s/^[0-9]* ([^)]*)/$1 ($2)/" "$ROOT/proc/1/stat" >"$ROOT/proc/$1/stat"
	sed "s/^Uid:.*/Uid:\t$3\t$3\t$3\t$3/" "$ROOT/proc/1/status" >"$ROOT/proc/$1/status"
}

@test "doctor: who else may write the settings is told, and is no finding" {
	# What is called so and is not root's cannot write them.
	process 901 tuned 41003
	process 902 virtqemud 41003
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
	process 903 tuned 0
	process 904 virtqemud 0
	process 905 virt-handler 0
	process 906 libvirtd 0
	expect 0 ksmctl doctor -s "$ROOT"
	golden beside
	expect 0 ksmctl doctor -J -s "$ROOT"
	golden beside-json
	valid_json
	put run 0
	expect 1 ksmctl doctor -s "$ROOT"
	stdout_has "beside: tuned (pid 903) runs: "
	# A dump has them, and a report tells of them.
	want=$output
	ksmctl -s "$ROOT" dump "$BATS_TEST_TMPDIR/dump"
	expect 1 ksmctl doctor -s "$BATS_TEST_TMPDIR/dump"
	stdout_is "$want"
	expect 0 ksmctl report -s "$ROOT"
	stdout_has "beside: virt-handler (pid 905) runs: "
}

@test "doctor: units whose processes ask for merging" {
	[[ -r /sys/kernel/mm/ksm/run ]] || skip "no KSM here"
	export SYSTEMD_UNIT_PATH=$BATS_TEST_TMPDIR/a:$BATS_TEST_TMPDIR/b:$BATS_TEST_TMPDIR/none
	mkdir -p "$BATS_TEST_TMPDIR"/a/{dir.service,add.service.d,x.target.d} "$BATS_TEST_TMPDIR/b"
	run --separate-stderr ksmctl doctor
	[[ $output != *MemoryKSM* ]] || fail "$output"
	cd "$BATS_TEST_TMPDIR"
	printf '[Service]\nMemoryKSM=yes\n' | tee a/one.service b/one.service b/two.socket \
		a/x.target a/x.target.d/x.conf a/add.service.d/no.txt a/leftover.service~ >/dev/null
	printf '[Service]\nMemoryKSM=no\n' >a/no.service
	ln -s one.service a/alias.service
	mkfifo a/pipe.service
	run --separate-stderr ksmctl doctor
	stdout_has "beside: systemd: 2 units have MemoryKSM=yes in a file, so their processes ask for merging (one.service, two.socket)  [ksmctl procs --by unit]"
	printf 'MemoryKSM=true\n' >a/add.service.d/10.conf
	printf 'MemoryKSM=yes\n' >"$(printf 'b/e\033[31m.service')"
	run --separate-stderr ksmctl doctor
	stdout_has "beside: systemd: 4 units have MemoryKSM=yes"
	stdout_has add.service
	clean_text
	expect 0 ksmctl report
	stdout_has "beside: systemd: 4 units have MemoryKSM=yes in a file, so their processes ask for merging  [ksmctl procs --by unit]"
	# Those of this machine are not those of a dump.
	expect 0 ksmctl doctor -s "$ROOT"
	stdout_is "nothing found"
}

@test "doctor: namespaces of Kubernetes in one pool" {
	use_root pods
	expect 1 ksmctl doctor -s "$ROOT"
	golden namespaces
	expect 1 ksmctl doctor -J -s "$ROOT"
	valid_json
	stdout_has '"command": "ksm-estimate --by namespace --pairs"'
	# A report names no one.
	expect 0 ksmctl report -s "$ROOT"
	stdout_has "programs of 2 namespaces are mergeable in one pool"
	[[ $output != *shop* && $output != *bank* ]] || fail "$output"
	# Of one namespace alone, and of pods of which nobody knows, there is nothing to tell.
	rm "$ROOT"/var/log/pods/bank*
	expect 1 ksmctl doctor -s "$ROOT"
	[[ $output != *namespace* ]] || fail "$output"
	# Domains of hksm keep them apart.
	use_root pods
	for pid in 2001 2002 2003; do
		echo "ksm_domain $((pid / 2003))" >>"$ROOT/proc/$pid/ksm_stat"
	done
	expect 1 ksmctl doctor -s "$ROOT"
	[[ $output != *namespace* ]] || fail "$output"
}
