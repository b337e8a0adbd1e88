#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-general.bats - what all subcommands share: help, version, usage errors,
# the root, broken outputs, a kernel without KSM.

load ../lib/helpers

setup() {
	use_root 6.12-busy
	COMMANDS=(status list get set start stop info unmerge procs vmas doctor engine settle
		watch save restore diff profile dump report metrics opt-in opt-out)
}

@test "help: of the program and of each subcommand, at most 80 columns" {
	expect 0 ksmctl --help
	golden help
	for cmd in "${COMMANDS[@]}"; do
		expect 0 ksmctl $cmd --help
		golden help-$cmd
		while IFS= read -r line; do
			((${#line} <= 80)) || fail "$cmd: ${#line} columns: $line"
		done <<<"$output"
		same "-h" "$output" "$(ksmctl $cmd -h)"
	done
}

@test "help: names every subcommand there is" {
	expect 0 ksmctl --help
	stderr_is ""
	same commands "$(sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' <<<"$output" | sort)" \
		"$(printf '%s\n' "${COMMANDS[@]}" | sort)"
}

@test "version" {
	for words in "--version" "-V" "status --version" "procs -V"; do
		# shellcheck disable=SC2086
		expect 0 ksmctl $words
		stderr_is ""
		[[ $output =~ ^ksmctl\ \(ksm-utils\ [0-9.]+[^\)]*\)$ ]] || fail "version: $output"
	done
}

@test "usage errors: exit 2, one line and a way to help, nothing on stdout" {
	expect 2 ksmctl frobnicate
	stdout_is ""
	stderr_is "ksmctl: frobnicate: unknown command
Try 'ksmctl --help' for more information."
	expect 2 ksmctl prosc
	stdout_is ""
	stderr_is "ksmctl: prosc: unknown command (did you mean: procs)
Try 'ksmctl --help' for more information."
	expect 2 ksmctl --frobnicate
	stdout_is ""
	stderr_is "ksmctl: unknown option '--frobnicate'
Try 'ksmctl --help' for more information."
	for cmd in "${COMMANDS[@]}"; do
		expect 2 ksmctl $cmd --frobnicate -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: unknown option '--frobnicate'
Try 'ksmctl $cmd --help' for more information."
		expect 2 ksmctl $cmd -Z -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: unknown option '-Z'
Try 'ksmctl $cmd --help' for more information."
	done
	expect 2 ksmctl list --sysrot x
	stdout_is ""
	stderr_is "ksmctl: unknown option '--sysrot' (did you mean --sysroot?)
Try 'ksmctl list --help' for more information."
	expect 2 ksmctl list -s
	stdout_is ""
	stderr_has "ksmctl: option '--sysroot' needs an argument (DIR)"
	root_unchanged 6.12-busy
}

@test "usage errors: a hostile word is not printed raw" {
	for words in $'\e[2J' $'--\e[2J' $'-\e'; do
		expect 2 ksmctl "$words"
		stdout_is ""
		clean_text
	done
}

@test "sysroot: before the subcommand, behind it, the last one counts" {
	expect 0 ksmctl -s "$ROOT" get run
	stdout_is 1
	stderr_is ""
	expect 0 ksmctl get --sysroot="$ROOT" run
	stdout_is 1
	stderr_is ""
	expect 0 ksmctl -s /none get run -s "$ROOT"
	stdout_is 1
	stderr_is ""
}

@test "sysroot: missing, a file, without proc" {
	expect 1 ksmctl -s "$BATS_TEST_TMPDIR/none"
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/none: cannot open: No such file or directory"
	touch "$BATS_TEST_TMPDIR/file"
	expect 1 ksmctl -s "$BATS_TEST_TMPDIR/file" list
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/file: cannot open: Not a directory"
	mkdir "$BATS_TEST_TMPDIR/empty"
	expect 1 ksmctl -s "$BATS_TEST_TMPDIR/empty" list
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/empty: cannot open: not the dump of a system: it has no proc"
}

@test "sysroot: a page size that cannot be is no other one's" {
	use_root 6.12-busy
	local tool

	for size in 3000 4096x; do
		sed -i "s/^page_size.*/page_size $size/" "$ROOT/meta"
		for tool in "ksmctl status" "ksmtop -b" "ksm-advise -c -p 1" "ksm-estimate -p 1"; do
			# shellcheck disable=SC2086 # the words of a command
			expect 1 $tool -s "$ROOT"
			stdout_is ""
			stderr_is "${tool%% *}: $ROOT: cannot open: its file meta tells a page_size or clock_tick that cannot be"
		done
	done
}

@test "sysroot: a link in a dump does not lead out of it" {
	echo "outside" >"$BATS_TEST_TMPDIR/outside"
	rm "$ROOT/sys/kernel/mm/ksm/run"
	ln -s "$BATS_TEST_TMPDIR/outside" "$ROOT/sys/kernel/mm/ksm/run"
	expect 3 ksmctl set run=0 -s "$ROOT"
	stdout_is ""
	stderr_has "this kernel does not have"
	same "the file outside" "$(<"$BATS_TEST_TMPDIR/outside")" outside
	rm "$ROOT/sys/kernel/mm/ksm/run"
	ln -s ../../../../../outside "$ROOT/sys/kernel/mm/ksm/run"
	expect 3 ksmctl get run -s "$ROOT"
	stdout_is ""
	stderr_has "this kernel does not have"
}

@test "sysroot: a missing file is not made by writing" {
	rm "$ROOT/sys/kernel/mm/ksm/run"
	expect 3 ksmctl start -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: run: this kernel does not have"
	[[ ! -e $ROOT/sys/kernel/mm/ksm/run ]] || fail "it was made"
}

@test "KSM absent: every command says so, exit 3" {
	use_root no-ksm
	for words in status list "get run" "set run 1" start stop info unmerge procs \
		"vmas -p 1" doctor engine settle watch save "restore -" "diff -" metrics; do
		# shellcheck disable=SC2086
		expect 3 ksmctl $words -s "$ROOT" </dev/null
		stdout_is ""
		stderr_is "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM (it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)"
	done
	root_unchanged no-ksm
}

@test "a full disk: every command that prints ends with 1 and says so" {
	export KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles
	for words in status "status -J" list "list -J" "list -r" "get run" info procs "procs -J" \
		"vmas -p 2001" doctor engine save metrics "metrics --procs" profile --help \
		"unmerge -n" "list --list-options"; do
		expect 1 bash -c "ksmctl -s '$ROOT' $words >/dev/full"
		stdout_is ""
		stderr_is "ksmctl: standard output: cannot write: No space left on device"
	done
	root_unchanged 6.12-busy
}

@test "a full disk does not undo what was written to the kernel, and is told" {
	expect 1 bash -c "ksmctl -s '$ROOT' stop >/dev/full"
	stderr_is "ksmctl: standard output: cannot write: No space left on device"
	file_is sys/kernel/mm/ksm/run 0
}

@test "a closed pipe ends it silently" {
	for words in "list" "list -J" "procs --output-all -r" "metrics --procs"; do
		# The reader is gone before the first byte is written.
		expect 141 bash -c "exec 8> >(:); wait \$!; exec ksmctl -s '$ROOT' $words >&8"
		stderr_is ""
	done
}

@test "a closed standard output" {
	expect 0 bash -c "ksmctl -s '$ROOT' set -q run=1 >&-"
	stderr_is ""
	expect 1 bash -c "ksmctl -s '$ROOT' list >&-"
	stderr_is "ksmctl: standard output: cannot write: Bad file descriptor"
}

@test "KSM_DEBUG: what is written, on standard error" {
	KSM_DEBUG=path expect 0 ksmctl set sleep_millisecs 7 -s "$ROOT"
	stdout_is "sleep_millisecs 7"
	same "log" "$(grep '^write' <<<"$stderr")" "write /sys/kernel/mm/ksm/sleep_millisecs: 7"
	KSM_DEBUG=nonsense expect 0 ksmctl get run -s "$ROOT"
	stderr_is ""
}

@test "--list-options: one option a line, none hidden, the common ones everywhere" {
	for cmd in "" "${COMMANDS[@]}"; do
		expect 0 ksmctl $cmd --list-options
		stderr_is ""
		for word in "-s --sysroot DIR" "-q --quiet" "-v --verbose" "-h --help" "-V --version"; do
			grep -qxF -e "$word" <<<"$output" || fail "$cmd lacks $word"
		done
		[[ $output != *list-options* ]] || fail "it lists itself"
	done
}
