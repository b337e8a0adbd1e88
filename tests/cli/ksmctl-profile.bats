#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-profile.bats - save, restore, diff, profile: what goes out comes back,
# in an order that the kernel accepts.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() {
	use_root 6.12-busy
	export KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles
	FILE=$BATS_TEST_TMPDIR/settings
}

# writes: the log of what was written, "NAME VALUE" a line, of the last command run
# with KSM_DEBUG=path.
writes() { sed -n 's|^write /sys/kernel/mm/ksm/\(.*\): \(.*\)|\1 \2|p' <<<"$stderr"; }

@test "save: to standard output, with - and to a file" {
	expect 0 ksmctl save -s "$ROOT"
	golden save-6.12-busy
	expect 0 ksmctl save - -s "$ROOT"
	golden save-6.12-busy
	expect 0 ksmctl save "$FILE" -s "$ROOT"
	stdout_is ""
	stderr_is ""
	same "the file" "$(<"$FILE")" "$(<"$KSM_EXPECTED/ksmctl-profile/save-6.12-busy.out")"
	root_unchanged 6.12-busy
}

@test "save: what the kernel lacks or its advisor drives is left out" {
	use_root 5.15-old
	expect 0 ksmctl save -s "$ROOT"
	golden save-5.15
	use_root 6.12-busy # advisor on
	expect 0 ksmctl save -s "$ROOT"
	stderr_is ""
	[[ $output != *$'\npages_to_scan'* ]] || fail "the advisor's choice was saved"
	# Memory going offline is no setting.
	echo 5 >"$ROOT/$ksm/run"
	expect 0 ksmctl save -s "$ROOT"
	stderr_is ""
	stdout_has "
run 1
"
}

@test "save: a file is replaced whole or not at all" {
	echo old >"$FILE"
	expect 1 ksmctl save "$BATS_TEST_TMPDIR/none/settings" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/none/settings: cannot create: No such file or directory"
	# No room for a single byte: the signal that comes with it is ignored.
	expect 1 bash -c "set -o pipefail; trap '' XFSZ
		(ulimit -f 0; ksmctl save '$FILE' -s '$ROOT') 2>&1 | cat"
	stdout_is "ksmctl: $FILE: cannot write: File too large"
	stderr_is ""
	same "the old file" "$(<"$FILE")" old
	same "files" "$(cd "$BATS_TEST_TMPDIR" && echo settings*)" settings
	expect 1 ksmctl save /dev/full -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: /dev/full: cannot write: No space left on device"
	[[ -c /dev/full ]] || fail "the device was replaced by a file"
}

@test "save: a new file by the umask, an old one keeps its mode; links stay links" {
	(umask 077 && ksmctl save "$FILE" -s "$ROOT")
	same "new, umask 077" "$(stat -c %a "$FILE")" 600
	rm "$FILE"
	(umask 002 && ksmctl save "$FILE" -s "$ROOT")
	same "new, umask 002" "$(stat -c %a "$FILE")" 664
	chmod 640 "$FILE"
	ln -s settings "$BATS_TEST_TMPDIR/link"
	echo old >"$FILE"
	expect 0 ksmctl save "$BATS_TEST_TMPDIR/link" -s "$ROOT"
	stderr_is ""
	same "old" "$(stat -c %a "$FILE")" 640
	[[ -L $BATS_TEST_TMPDIR/link ]] || fail "the link was replaced"
	same "the file" "$(head -n 1 "$FILE")" \
		"# KSM settings, written by ksmctl save; read by ksmctl restore"
	((EUID)) && return
	chown 12345 "$FILE"
	expect 0 ksmctl save "$FILE" -s "$ROOT"
	same "owner" "$(stat -c %u:%a "$FILE")" 12345:640
}

@test "save: half the settings are no settings" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 1 unprivileged ksmctl save -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: permission denied (needs root, or CAP_DAC_OVERRIDE)"
	use_root garbage
	expect 1 ksmctl save -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: /sys/kernel/mm/ksm/run: cannot read: unexpected contents"
}

@test "save, change, diff, restore, diff" {
	expect 0 ksmctl save "$FILE" -s "$ROOT"
	expect 0 ksmctl diff "$FILE" -s "$ROOT"
	stdout_is ""
	stderr_is ""
	expect 0 ksmctl set -q run=0 advisor_mode=none pages_to_scan=5 sleep_millisecs=9 \
		advisor_max_cpu=3 -s "$ROOT"
	expect 1 ksmctl diff "$FILE" -s "$ROOT"
	golden diff
	expect 1 ksmctl diff -J "$FILE" -s "$ROOT"
	golden diff-json
	valid_json
	expect 1 ksmctl diff -rn -o NOW,NAME "$FILE" -s "$ROOT"
	stderr_is ""
	same "first line" "${lines[0]}" "0 run"
	expect 0 ksmctl restore "$FILE" -s "$ROOT"
	stdout_is "run 1
sleep_millisecs 20
advisor_mode scan-time
advisor_max_cpu 70"
	stderr_is ""
	expect 0 ksmctl diff "$FILE" -s "$ROOT"
	stdout_is ""
	stderr_is ""
	expect 0 ksmctl diff -J "$FILE" -s "$ROOT"
	stdout_is '{
   "differences": []
}'
	stderr_is ""
	valid_json
}

@test "restore: every knob round-trips on every kernel that has settings" {
	for root in 6.12-idle 6.12-busy 7.3-hksm 6.1 5.15-old arm64-16k; do
		use_root $root
		expect 0 ksmctl save "$FILE" -s "$ROOT"
		expect 0 ksmctl profile aggressive -q -s "$ROOT"
		expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
		stdout_is ""
		stderr_is ""
		expect 0 ksmctl diff "$FILE" -s "$ROOT"
		stdout_is ""
		stderr_is ""
	done
}

@test "save, restore: hksm's own settings, and where another engine merges" {
	use_root 7.3-hksm
	expect 0 ksmctl save "$FILE" -s "$ROOT"
	same "its settings" "$(grep ^hksm "$FILE")" "hksm/one_pass 1
hksm/zero_only 0
hksm/split_min 64
hksm/scanners 1
hksm/max_metadata 0"
	expect 0 ksmctl set -q hksm/one_pass=0 hksm/split_min=1 hksm/scanners=4 -s "$ROOT"
	expect 1 ksmctl diff -rn "$FILE" -s "$ROOT"
	stdout_is "hksm/one_pass 1 0
hksm/split_min 64 1
hksm/scanners 1 4"
	KSM_DEBUG=path expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
	stdout_is ""
	same writes "$(writes)" "hksm/one_pass 1
hksm/split_min 64
hksm/scanners 1"
	file_is $ksm/hksm/one_pass 1
	file_is $ksm/hksm/split_min 64
	file_is $ksm/hksm/scanners 1
	use_root 6.12-busy
	expect 0 ksmctl restore - -s "$ROOT" <<<"hksm/one_pass 1
hksm/scanners 2
sleep_millisecs 33"
	stdout_is "sleep_millisecs 33"
	stderr_is "ksmctl: warning: left out, as the engine of this kernel does not have it: hksm/one_pass, hksm/scanners"
}

@test "restore: the order of the writes, advisor off in the file" {
	# As found: advisor on, pages merged.  The rate may only be written once it is off.
	cat >"$FILE" <<-EOF
		run 1
		pages_to_scan 50
		advisor_mode none
		sleep_millisecs 10
		smart_scan 0
	EOF
	KSM_DEBUG=path expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
	stdout_is ""
	same writes "$(writes)" "advisor_mode none
smart_scan 0
sleep_millisecs 10
pages_to_scan 50"
	file_is $ksm/pages_to_scan 50
	file_is $ksm/advisor_mode none
}

@test "restore: the order of the writes, advisor on in the file" {
	use_root 6.12-idle
	cat >"$FILE" <<-EOF
		run 1
		pages_to_scan 50
		advisor_mode scan-time
		advisor_max_cpu 30
	EOF
	KSM_DEBUG=path expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
	stdout_is ""
	# No pages_to_scan: it would be refused.
	same writes "$(writes)" "advisor_max_cpu 30
advisor_mode scan-time
run 1"
}

@test "restore: unmerges where a setting needs it, and runs again" {
	cat >"$FILE" <<-EOF
		max_page_sharing 100
		merge_across_nodes 0
	EOF
	KSM_DEBUG=path expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
	stdout_is ""
	same writes "$(writes)" "run 2
merge_across_nodes 0
max_page_sharing 100
run 1"
	file_is $ksm/run 1
}

@test "restore: does not unmerge what does not fit, and writes nothing" {
	echo "max_page_sharing 100" >"$FILE"
	sed -i "s/^MemAvailable:.*/MemAvailable: 9 kB/" "$ROOT/proc/meminfo"
	expect 1 ksmctl restore "$FILE" -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: run: not unmerged: it needs 1.2 GiB of memory and 9 KiB are available"
	file_is $ksm/run 1
	file_is $ksm/max_page_sharing 256
}

@test "restore: --keep-merged never unmerges" {
	echo "max_page_sharing 100" >"$FILE"
	for opt in -k --keep-merged; do
		echo 256 >"$ROOT/$ksm/max_page_sharing"
		KSM_DEBUG=path expect 0 ksmctl restore $opt "$FILE" -s "$ROOT"
		stdout_is "max_page_sharing 100"
		# A dump accepts it; the kernel's refusal is in errors.bats.
		same writes "$(writes)" "max_page_sharing 100"
	done
}

@test "restore: --dry-run prints the plan and writes nothing" {
	cat >"$FILE" <<-EOF
		run 1
		advisor_mode none
		pages_to_scan 50
		max_page_sharing 100
	EOF
	for opt in -n --dry-run; do
		expect 0 ksmctl restore $opt "$FILE" -s "$ROOT"
		stdout_is "advisor_mode none
run 2
max_page_sharing 100
pages_to_scan 50
run 1"
		stderr_is ""
	done
	root_unchanged 6.12-busy
}

@test "restore: from standard input, what is absent is left out with a warning" {
	use_root 5.15-old
	expect 0 ksmctl restore - -s "$ROOT" <<<"smart_scan 1
sleep_millisecs 33"
	stdout_is "sleep_millisecs 33"
	stderr_is "ksmctl: warning: left out, as only later kernels have it: smart_scan (6.7)"
	file_is $ksm/sleep_millisecs 33
}

@test "restore: a bad file is told by its line, and nothing is written" {
	while IFS='|' read -r text want; do
		printf '%b' "$text" >"$FILE"
		for cmd in restore diff; do
			expect 1 ksmctl $cmd "$FILE" -s "$ROOT"
			stdout_is ""
			stderr_is "ksmctl: $FILE: $want"
		done
	done <<-'EOF'
		run 0\nfoo 1\n|line 2: unknown attribute "foo"
		# comment\n\nrun 9\n|line 3: value out of range for "run"
		run\n|line 1: no value for "run"
		run 0\nrun 1\n|line 2: named twice: "run"
		run 0 1\n|line 1: more than one value for "run"
		pages_shared 1\n|line 1: not a writable attribute: "pages_shared"
		smart_scan turbo\n|line 1: not a value for it: "turbo"
		run 0\0\n|line 1: not a text file
		\033[2J 1\n|line 1: unknown attribute "\x1b[2J"
	EOF
	root_unchanged 6.12-busy
	head -c 100000 /dev/zero >"$FILE"
	expect 1 ksmctl restore "$FILE" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $FILE: too large for a file of settings"
	expect 1 ksmctl restore "$BATS_TEST_TMPDIR" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR: cannot read: Is a directory"
	expect 1 ksmctl restore "$FILE.none" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $FILE.none: cannot open: No such file or directory"
	root_unchanged 6.12-busy
}

@test "save, restore: an advisor that only the kernel knows" {
	echo "none scan-time [psi]" >"$ROOT/$ksm/advisor_mode"
	expect 0 ksmctl save "$FILE" -s "$ROOT"
	grep -qx "advisor_mode psi" "$FILE" || fail "$(<"$FILE")"
	expect 0 ksmctl diff "$FILE" -s "$ROOT"
	stdout_is ""
	expect 0 ksmctl set -q advisor_mode=none -s "$ROOT"
	expect 1 ksmctl diff -rn "$FILE" -s "$ROOT"
	stdout_is "advisor_mode psi none"
	expect 0 ksmctl restore -n "$FILE" -s "$ROOT"
	stdout_is "advisor_mode psi"
	stderr_is ""
	KSM_DEBUG=path expect 0 ksmctl restore -q "$FILE" -s "$ROOT"
	same writes "$(writes)" "advisor_mode psi"
	# In a dump no kernel answers with the list.
	echo "[none] scan-time psi" >"$ROOT/$ksm/advisor_mode"
	# Whatever a file says, it does not steer a terminal.
	printf 'advisor_mode \ecp\n' >"$FILE"
	expect 0 ksmctl restore -n "$FILE" -s "$ROOT"
	stdout_is 'advisor_mode \x1bcp'
	# By hand it may be a mistake.
	expect 2 ksmctl set advisor_mode=psi -s "$ROOT"
	stderr_is "ksmctl: advisor_mode: psi: not a value for it (none, scan-time)"
}

@test "restore: both ways to write a line, comments, blanks, no newline at the end" {
	printf '  run = 0   # stop\n\tsleep_millisecs=7\r\n#x\n\nuse_zero_pages off' >"$FILE"
	expect 0 ksmctl restore "$FILE" -s "$ROOT"
	stdout_is "run 0
sleep_millisecs 7
use_zero_pages 0"
	stderr_is ""
}

@test "save, restore, diff: operands" {
	for cmd in restore diff; do
		expect 2 ksmctl $cmd -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: $cmd: no file named
Try 'ksmctl $cmd --help' for more information."
	done
	: >"$FILE"
	for cmd in save restore diff; do
		expect 2 ksmctl $cmd "$FILE" two -s "$ROOT"
		stdout_is ""
		stderr_has "ksmctl: two: unexpected argument"
	done
	same "the file" "$(<"$FILE")" ""
	root_unchanged 6.12-busy
}

@test "profile: the list" {
	expect 0 ksmctl profile -s "$ROOT"
	golden profiles
	while IFS= read -r line; do
		((${#line} <= 80)) || fail "${#line} columns: $line"
	done <<<"$output"
	expect 0 ksmctl profile -J -o NAME,ABOUT -s "$ROOT"
	golden profiles-json
	valid_json
	expect 0 ksmctl profile -rn -o NAME,FILE -s "$ROOT"
	stderr_is ""
	same "first line" "${lines[0]}" "aggressive $KSM_PROFILES/aggressive"
}

@test "profile: the list tells which is in force" {
	for root in 6.12-idle 7.3-hksm 5.15-old; do
		use_root $root
		for name in balanced gentle vm-host; do
			expect 0 ksmctl profile -q $name -s "$ROOT"
			expect 0 ksmctl profile -rn -o NAME,NOW -s "$ROOT"
			stderr_is ""
			stdout_has "$name yes"
		done
		same "those in force" "$(grep -c ' yes$' <<<"$output")" 1
		ksmctl set -q sleep_millisecs 4321 -s "$ROOT"
		expect 0 ksmctl profile -rn -o NAME,NOW -s "$ROOT"
		[[ $output != *yes* ]] || fail "$output"
	done
	use_root no-ksm
	expect 0 ksmctl profile -rn -o NAME,NOW -s "$ROOT"
	stdout_has "gentle -"
	# A profile with a mistake is listed, and not known to be in force.
	use_root 6.12-busy
	export KSM_PROFILES=$BATS_TEST_TMPDIR/profiles
	mkdir "$KSM_PROFILES"
	echo "bogus 1" >"$KSM_PROFILES/mine"
	expect 0 ksmctl profile -rn -o NAME,NOW -s "$ROOT"
	stdout_is "mine -"
	stderr_is ""
}

@test "profile: a program in its build tree finds the shipped ones" {
	unset KSM_PROFILES
	expect 0 ksmctl profile -rn -o NAME,FILE -s "$ROOT"
	stderr_is ""
	stdout_has "gentle $(readlink -f "$KSM_BUILDDIR")/tools/ksmctl/profiles/gentle"
}

@test "profile: each applies to each kernel, and is then in force" {
	for root in 6.12-idle 6.12-busy 7.3-hksm 6.1 5.15-old; do
		use_root $root
		for name in aggressive balanced desktop gentle off vm-host; do
			cp "$KSM_DATA/$root/$ksm"/[a-z]*[a-z] "$ROOT/$ksm" 2>/dev/null || :
			expect 0 ksmctl profile -q $name -s "$ROOT"
			stdout_is ""
			stderr_is ""
			if [[ $root != 6.1 && $root != 5.15-old ]]; then
				expect 0 ksmctl diff "$KSM_PROFILES/$name" -s "$ROOT"
				stdout_is ""
				stderr_is ""
			fi
		done
	done
}

@test "profile: prints what had to be changed" {
	use_root 6.12-idle
	expect 0 ksmctl profile gentle -s "$ROOT"
	stdout_is "run 1
sleep_millisecs 50"
	stderr_is ""
	file_is $ksm/run 1
	file_is $ksm/sleep_millisecs 50
	expect 0 ksmctl profile off -s "$ROOT"
	stdout_is "run 0"
	stderr_is ""
	file_is $ksm/run 0
}

@test "profile: --dry-run prints the plan and writes nothing" {
	for opt in -N --dry-run; do
		expect 0 ksmctl profile gentle $opt -s "$ROOT"
		stdout_is "advisor_mode none
sleep_millisecs 50"
		stderr_is ""
	done
	root_unchanged 6.12-busy
}

@test "profile: an old kernel takes what it has" {
	use_root 5.15-old
	expect 0 ksmctl profile balanced -s "$ROOT"
	golden balanced-5.15
	file_is $ksm/pages_to_scan 1000
	file_is $ksm/run 1
}

@test "profile: unknown, with the nearest" {
	expect 2 ksmctl profile gentel -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: gentel: unknown profile (did you mean: gentle)"
	expect 2 ksmctl profile xyzzy -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: xyzzy: unknown profile (see: ksmctl profile)"
	expect 2 ksmctl profile ../profiles/off -s "$ROOT"
	stdout_is ""
	stderr_has "unknown profile"
	expect 2 ksmctl profile off gentle -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: gentle: unexpected argument"
	root_unchanged 6.12-busy
}

@test "profile: KSM_PROFILES replaces the directories; leftovers are no profiles" {
	export KSM_PROFILES=$BATS_TEST_TMPDIR/profiles
	mkdir "$KSM_PROFILES"
	printf '# my own\nsleep_millisecs 123\n' >"$KSM_PROFILES/mine"
	printf 'run 1\n' >"$KSM_PROFILES/nameless"
	touch "$KSM_PROFILES/mine~" "$KSM_PROFILES/.mine.swp"
	expect 0 ksmctl profile -s "$ROOT"
	stdout_is "NAME     NOW ABOUT
mine     no  my own
nameless yes -"
	stderr_is ""
	expect 0 ksmctl profile mine -s "$ROOT"
	stdout_is "sleep_millisecs 123"
	stderr_is ""
	file_is $ksm/sleep_millisecs 123
	echo "bogus 1" >"$KSM_PROFILES/mine"
	expect 1 ksmctl profile mine -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $KSM_PROFILES/mine: line 1: unknown attribute \"bogus\""
}

@test "profile: a hostile name in the directory is not printed raw" {
	export KSM_PROFILES=$BATS_TEST_TMPDIR/profiles
	mkdir "$KSM_PROFILES"
	printf '# \e]0;pwn\a\nrun 1\n' >"$KSM_PROFILES/"$'\e[2Jx\ny'
	expect 0 ksmctl profile -s "$ROOT"
	clean_text
	stderr_is ""
	stdout_has '\x1b[2Jx\x0ay yes \x1b]0;pwn\x07'
	expect 0 ksmctl profile -J -s "$ROOT"
	stderr_is ""
	valid_json
}

@test "profile: no directory, no KSM" {
	KSM_PROFILES=$BATS_TEST_TMPDIR/none expect 0 ksmctl profile -s "$ROOT"
	stdout_is "NAME NOW ABOUT"
	stderr_is ""
	use_root no-ksm
	expect 3 ksmctl profile off -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
}
