#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-run.bats - start, stop, info, unmerge, and the words of other ksmctls.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() { use_root 6.12-busy; }

available() {
	sed -i "s/^MemAvailable:.*/MemAvailable:   $1 kB/" "$ROOT/proc/meminfo"
}

@test "start: bare, it keeps the rate" {
	use_root 6.12-idle
	expect 0 ksmctl start -s "$ROOT"
	stdout_is "run 1"
	stderr_is ""
	file_is $ksm/run 1
	cp "$KSM_DATA/6.12-idle/$ksm/run" "$ROOT/$ksm/run"
	root_unchanged 6.12-idle
}

@test "start: PAGES SLEEP, and PAGES MAX_MERGE SLEEP where no limit is asked" {
	use_root 6.12-idle
	expect 0 ksmctl start 300 40 -s "$ROOT"
	stdout_is "run 1
pages_to_scan 300
sleep_millisecs 40"
	stderr_is ""
	file_is $ksm/run 1
	file_is $ksm/pages_to_scan 300
	file_is $ksm/sleep_millisecs 40
	expect 0 ksmctl start 400 0 50 -q -s "$ROOT"
	stdout_is ""
	stderr_is ""
	file_is $ksm/pages_to_scan 400
	file_is $ksm/sleep_millisecs 50
}

@test "start: MAX_MERGE needs an engine that has it" {
	expect 3 ksmctl start 300 8 40 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: MAX_MERGE: 8: this kernel's engine has no such limit (use 0, or leave it out)"
	root_unchanged 6.12-busy
}

@test "start: wrong figures" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 2 ksmctl -s "$ROOT" start $words
		stdout_is ""
		stderr_is "ksmctl: $text
Try 'ksmctl start --help' for more information."
	done <<-'EOF'
		5|start: expects no figures, or two, or three
		1 2 3 4|start: expects no figures, or two, or three
		many 20|many: not a value for pages_to_scan (0 to 4294967295)
		100 soon|soon: not a value for sleep_millisecs (0 to 4294967295)
		100 few 20|few: not a number of pages
		-- -1 20|-1: not a value for pages_to_scan (0 to 4294967295)
	EOF
	root_unchanged 6.12-busy
}

@test "stop: stops, and nothing else" {
	expect 0 ksmctl stop -s "$ROOT"
	stdout_is "run 0"
	stderr_is ""
	file_is $ksm/run 0
	cp "$KSM_DATA/6.12-busy/$ksm/run" "$ROOT/$ksm/run"
	root_unchanged 6.12-busy
	expect 2 ksmctl stop now -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: now: unexpected argument"
	root_unchanged 6.12-busy
}

@test "start and stop where the state is already so" {
	expect 0 ksmctl start -s "$ROOT"
	stdout_is "run 1"
	stderr_is ""
	root_unchanged 6.12-busy
	use_root 6.12-idle
	expect 0 ksmctl stop -s "$ROOT"
	stdout_is "run 0"
	stderr_is ""
	root_unchanged 6.12-idle
}

@test "info: one line" {
	expect 0 ksmctl info -s "$ROOT"
	stdout_is "running, pages to scan 870, sleep 20 ms"
	stderr_is ""
	use_root 6.12-idle
	expect 0 ksmctl info -s "$ROOT"
	stdout_is "stopped, pages to scan 100, sleep 20 ms"
	stderr_is ""
	root_unchanged 6.12-idle
}

@test "unmerge: tells what it needs, and leaves merging stopped" {
	expect 0 ksmctl unmerge -s "$ROOT"
	stdout_is "unmerging needs 1.2 GiB of memory, 6.3 GiB available"
	stderr_is ""
	file_is $ksm/run 0
}

@test "unmerge: 2 is written before 0, also where 2 stands already" {
	for run in 0 1 2; do
		echo $run >"$ROOT/$ksm/run"
		KSM_DEBUG=path expect 0 ksmctl unmerge -q -s "$ROOT"
		stdout_is ""
		# Writing 2 where 2 stands does nothing (mm/ksm.c, run_store).
		want="write /sys/kernel/mm/ksm/run: 2
write /sys/kernel/mm/ksm/run: 0"
		((run != 2)) || want="write /sys/kernel/mm/ksm/run: 0
$want"
		same "writes from $run" "$(grep '^write' <<<"$stderr")" "$want"
		file_is $ksm/run 0
	done
}

@test "unmerge: refuses what does not fit, and --force does not" {
	available 1000
	expect 1 ksmctl unmerge -s "$ROOT"
	stdout_is "unmerging needs 1.2 GiB of memory, 1000 KiB available"
	stderr_is "ksmctl: run: not unmerged: it needs 1.2 GiB of memory and 1000 KiB are available (free some, or use --force)"
	file_is $ksm/run 1
	expect 0 ksmctl unmerge --force -s "$ROOT"
	stdout_is "unmerging needs 1.2 GiB of memory, 1000 KiB available"
	stderr_is "ksmctl: warning: there may not be enough memory; going on as --force says"
	file_is $ksm/run 0
}

@test "unmerge: the need is exactly what is saved, zero pages too" {
	# (263000 + 48285) pages of 4 KiB
	available $(((263000 + 48285) * 4 - 1))
	expect 1 ksmctl unmerge -q -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: run: not unmerged"
	file_is $ksm/run 1
	available $(((263000 + 48285) * 4))
	expect 0 ksmctl unmerge -q -s "$ROOT"
	stdout_is ""
	stderr_is ""
	file_is $ksm/run 0
}

@test "unmerge: --dry-run only tells" {
	for opt in -n --dry-run; do
		expect 0 ksmctl unmerge $opt -s "$ROOT"
		stdout_is "unmerging needs 1.2 GiB of memory, 6.3 GiB available"
		stderr_is ""
	done
	root_unchanged 6.12-busy
	available 5
	expect 1 ksmctl unmerge -n -s "$ROOT"
	stdout_is "unmerging needs 1.2 GiB of memory, 5 KiB available"
	stderr_has "not unmerged"
	file_is $ksm/run 1
}

@test "unmerge: a kernel that does not tell MemAvailable" {
	sed -i /^MemAvailable/d "$ROOT/proc/meminfo"
	expect 0 ksmctl unmerge -s "$ROOT"
	stdout_is "unmerging needs 1.2 GiB of memory, unknown available"
	stderr_is ""
	file_is $ksm/run 0
}

@test "aliases: -e --enable, -d --disable, --pause, --status, alone on the line" {
	# They take no --sysroot: a mount namespace puts the dump over /sys and /proc is
	# not needed, so here only what they are not is shown: combined, they are options.
	for word in -e --enable -d --disable --pause --status; do
		expect 2 ksmctl $word -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: unknown option '$word'
Try 'ksmctl --help' for more information."
	done
	root_unchanged 6.12-busy
}

@test "aliases: on a system of their own" {
	probe_mount || skip "no right to make a mount namespace"
	while read -r word run want; do
		echo "$run" >"$ROOT/$ksm/run"
		# The dump is the running system's /sys there, and of the same figures.
		expect 0 in_root ksmctl "$word"
		stderr_is ""
		file_is $ksm/run "$want"
	done <<-EOF
		-e 0 1
		--enable 0 1
		-d 1 0
		--disable 1 0
		--pause 1 0
		--status 0 0
	EOF
	stdout_has "state      stopped"
}

# in_root COMMAND...: with the dump's /sys/kernel/mm/ksm in place of the real one.  In
# a user namespace no mount gets out, and in a chroot / need not be a mount point.
in_root() {
	# shellcheck disable=SC2016
	unshare -rm --propagation unchanged sh -c 'mount --bind "$0" /sys/kernel/mm/ksm && exec "$@"' \
		"$ROOT/$ksm" "$@"
}

probe_mount() {
	[[ -d /sys/kernel/mm/ksm ]] && in_root true 2>/dev/null
}
