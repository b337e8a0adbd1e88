#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-dump.bats - a dump is read like the system that it is of, has nothing private
# in it that was not asked for, and is there whole or not at all.

load ../lib/helpers

setup() {
	use_root 6.12-busy
	DUMP=$BATS_TEST_TMPDIR/dump
}

dump() { expect "$1" ksmctl -s "$ROOT" dump "${@:2}" "$DUMP"; }

# alike COMMAND...: the same of the dump as of the root, but for the paths of both.
alike() {
	local out err code

	run --separate-stderr ksmctl -s "$ROOT" "$@"
	out=$output err=$stderr code=$status
	expect "$code" ksmctl -s "$DUMP" "$@" || return
	same "stdout of $*" "$output" "$out" || return
	same "stderr of $*" "$stderr" "$err"
}

# lacks WORD...: no file of the dump has it, nor a name of one.
lacks() {
	local word

	for word; do
		! grep -raF -e "$word" "$DUMP" >&2 || fail "the dump has: $word" || return
		[[ -z $(find "$DUMP" -name "*$word*") ]] || fail "a name has: $word" || return
	done
}

@test "dump: what the tools show of it is the same" {
	for root in 6.12-idle 6.12-busy 6.12-tuned 7.3-busy 7.3-hksm 6.1 5.15-old no-ksm hostile \
		arm64-16k cgroup-v1 seq-boost/2; do
		use_root "$root"
		rm -rf "$DUMP"
		dump 0
		stderr_is ""
		for command in status "status -J" procs "procs -J" doctor "doctor -J" list engine info save; do
			# shellcheck disable=SC2086
			alike $command || fail "of $root" || return
		done
	done
}

@test "dump: with all that is private, everything is the same" {
	for root in 6.12-busy 7.3-hksm hostile cgroup-v1 pods; do
		use_root "$root"
		rm -rf "$DUMP"
		dump 0 -a --with all
		for command in "procs -a --output-all -J" "procs -a --by unit" "procs -a --by vm" "procs --by pod" "doctor" \
			"procs -a --match qemu" "metrics --procs" "metrics --by vm"; do
			# shellcheck disable=SC2086
			alike $command || fail "of $root" || return
		done
		for dir in "$ROOT"/proc/[0-9]*; do
			pid=${dir##*/}
			[[ ! -e $DUMP/proc/$pid ]] || alike vmas -p "$pid" --output-all || return
		done
	done
}

# files ROOT: of the system and of what is not a thread of the kernel.
files() {
	(
		cd "$1" || exit
		find . -type f ! -path ./proc/stat ! -path './proc/[0-9]*'
		for dir in ./proc/[0-9]*; do
			[[ ! -s $dir/cmdline ]] || find "$dir" -type f
		done
	) | sort
}

# The roots of tests/data have what the tools read: a file that the table lacks shows here.
@test "dump: no file that is read is left out" {
	for root in 6.12-tuned 7.3-hksm 6.1 pods; do
		use_root "$root"
		rm -rf "$DUMP"
		dump 0 -a --with all
		# Nobody reads /proc/stat, which these roots have.
		want=$(files "$ROOT") got=$(files "$DUMP")
		same "files of $root" "$got" "$want"
		[[ $(grep -c /smaps <<<"$got") -gt 1 ]] || fail "no processes: $got"
	done
}

@test "dump: what is private is not in it" {
	printf '/opt/tool\0--password\0hunter2\0' >"$ROOT/proc/2001/cmdline"
	printf 'TOKEN=hunter2\0' >"$ROOT/proc/2001/environ"
	printf '0::/user.slice/hunter2.service\n' >"$ROOT/proc/2001/cgroup"
	sed -i 's,/usr/[^ ]*,/home/joe/hunter2,; s/^Groups:.*/Groups:\t4711 hunter2/' \
		"$ROOT"/proc/2001/{smaps,status}
	grep -q hunter2 "$ROOT/proc/2001/smaps"
	dump 0 -a
	lacks hunter2 password TOKEN joe 4711 environ machine.slice libvirt -name
	[[ $(tr '\0' ' ' <"$DUMP/proc/2001/cmdline") == "python3 " ]]
	[[ ! -e $DUMP/proc/2001/cgroup ]]
	# The size of each mapping and whether it may merge are no secret.
	alike vmas -p 2001 -o SIZE,RSS,KSM,MERGEABLE
	addresses=$(sed -nE 's/^([0-9a-f]{8,})-.*/\1/p' "$ROOT/proc/2001/smaps" | head -n 3)
	# shellcheck disable=SC2086
	lacks $addresses
}

@test "dump: names of pods go with control groups" {
	use_root pods
	dump 0 -a
	lacks shop web- bank kubepods
	rm -r "$DUMP"
	dump 0 -p 2001 --with cgroup
	same pods "$(ls "$DUMP/var/log/pods")" "$(ls "$ROOT/var/log/pods")"
	alike procs -p 2001 -o POD
}

@test "dump: what is asked for, and nothing else" {
	printf '/opt/tool\0--password\0hunter2\0' >"$ROOT/proc/2001/cmdline"
	dump 0 -p 2001 --with cmdline
	cmp "$ROOT/proc/2001/cmdline" "$DUMP/proc/2001/cmdline"
	[[ ! -e $DUMP/proc/2001/cgroup ]]
	! grep -q '/usr/' "$DUMP/proc/2001/smaps"
	rm -r "$DUMP"
	dump 0 -p 2001 --with maps,cgroup
	cmp "$ROOT/proc/2001/smaps" "$DUMP/proc/2001/smaps"
	cmp "$ROOT/proc/2001/cgroup" "$DUMP/proc/2001/cgroup"
	lacks hunter2
	rm -r "$DUMP"
	for wrong in "" , cmdline, environ all,x Maps; do
		dump 2 --with "$wrong"
		stderr_has "ksmctl: --with: $wrong: not a list of cmdline, maps, cgroup, all"
		[[ ! -e $DUMP ]]
	done
}

@test "dump: which processes" {
	pids() { (cd "$DUMP/proc" && printf '%s\n' [0-9]* | sort -n | xargs); }
	ksmd=$(cd "$ROOT/proc" && grep -l '(ksmd)' [0-9]*/stat)
	ksmd=${ksmd%/stat}
	dump 0 -p 2001,1
	same "two and the scanner" "$(pids)" "1 $ksmd 2001"
	rm -r "$DUMP"
	dump 0 -u 41003
	same "of a user" "$(pids)" "$ksmd 2001 2002 2003"
	rm -r "$DUMP"
	dump 0 --match qemu
	same "by command line" "$(pids)" "$ksmd 1001 1002 1003 1010"
	rm -r "$DUMP"
	dump 0
	same "those that take part" "$(ksmctl -s "$DUMP" procs -rn -o PID)" \
		"$(ksmctl -s "$ROOT" procs -rn -o PID)"
	rm -r "$DUMP"
	dump 1 -u 4711017
	stderr_is "ksmctl: no process matches"
	[[ ! -e $DUMP ]]
	dump 4 -p 2001,999999
	stderr_is "ksmctl: 999999: cannot read: No such process"
	same "the one that is there" "$(pids)" "$ksmd 2001"
	# Whoever decides is in it, or it would seem to have died.
	use_root 6.12-tuned
	rm -r "$DUMP"
	dump 0 -p 2001
	same "and the daemon" "$(ksmctl -s "$DUMP" status | grep decides)" \
		"$(ksmctl -s "$ROOT" status | grep decides)"
}

# left: what is beside the root in the directory that dumps are written to.
left() { find "$BATS_TEST_TMPDIR" -mindepth 1 -maxdepth 1 ! -name root ! -name 'expect.*' ! -name kept -printf '%f\n'; }

@test "dump: only its owner may look into it" {
	umask 0
	dump 0
	[[ -z $(find "$DUMP" -type d ! -perm 700 -o -type f ! -perm 600) ]] || fail "$(find "$DUMP" -ls)"
	same "what was written" "$(left)" dump
	umask 077
	mkdir "$DUMP.2"
	chmod 777 "$DUMP.2"
	expect 0 ksmctl -s "$ROOT" dump "$DUMP.2/"
	[[ $(stat -c %a "$DUMP.2") == 700 && -s $DUMP.2/meta ]]
}

@test "dump: nothing is written over, and no link is followed" {
	mkdir "$BATS_TEST_TMPDIR/kept"
	echo mine >"$BATS_TEST_TMPDIR/kept/x"
	DUMP=$BATS_TEST_TMPDIR/kept
	dump 1
	stderr_is "ksmctl: $DUMP: exists, and is not empty"
	DUMP=$BATS_TEST_TMPDIR/kept/x
	dump 1
	stderr_is "ksmctl: $DUMP: cannot create: File exists"
	same "the file" "$(<"$DUMP")" mine
	mkdir "$BATS_TEST_TMPDIR/kept/empty"
	ln -s empty "$BATS_TEST_TMPDIR/kept/link"
	ln -s nowhere "$BATS_TEST_TMPDIR/kept/broken"
	for link in link broken; do
		DUMP=$BATS_TEST_TMPDIR/kept/$link
		dump 1
		stderr_is "ksmctl: $DUMP: cannot create: File exists"
	done
	DUMP=$BATS_TEST_TMPDIR/kept/none/dump
	dump 1
	stderr_is "ksmctl: $DUMP: cannot create: No such file or directory"
	same "all there is" "$(cd "$BATS_TEST_TMPDIR/kept" && echo *)" "broken empty link x"
	same "left" "$(left)" ""
	expect 2 ksmctl -s "$ROOT" dump
	stderr_has "ksmctl: dump: no directory named"
	expect 2 ksmctl -s "$ROOT" dump a b
	stderr_has "ksmctl: b: unexpected argument"
}

@test "dump: a file that cannot be read leaves nothing behind" {
	rm "$ROOT/sys/kernel/mm/ksm/full_scans"
	mkdir "$ROOT/sys/kernel/mm/ksm/full_scans"
	dump 1
	stdout_is ""
	stderr_is "ksmctl: read /sys/kernel/mm/ksm/full_scans: Is a directory"
	same "left" "$(left)" ""
}

@test "dump: a disk that is full leaves nothing behind" {
	need_mounts
	mkdir "$BATS_TEST_TMPDIR/kept"
	expect 1 unshare -m sh -c 'mount -t tmpfs -o size=64k none "$0" && cd "$0" &&
		rc=0; ksmctl -s "$1" dump -a d || rc=$?; ls; exit "$rc"' "$BATS_TEST_TMPDIR/kept" "$ROOT"
	stdout_is ""
	[[ $stderr =~ ^ksmctl:\ d/[a-z0-9/_]+:\ cannot\ write:\ No\ space\ left\ on\ device$ ]] || fail "$stderr"
}

@test "dump: what may not be read is told, and stays so" {
	need_unprivileged
	use_root denied
	apply_modes
	((EUID)) || chown -R 65534:65534 "$ROOT"
	((EUID)) || chown 65534:65534 "$BATS_TEST_TMPDIR"
	expect 4 unprivileged ksmctl -s "$ROOT" dump -a "$DUMP"
	stderr_has "ksmctl: warning: some files of the system may not be read ("
	for command in status list "procs -a"; do
		# shellcheck disable=SC2086
		run --separate-stderr unprivileged ksmctl -s "$ROOT" $command
		out=$output code=$status
		# shellcheck disable=SC2086
		expect "$code" unprivileged ksmctl -s "$DUMP" $command
		same "$command" "$output" "$out"
	done
	grep -q '^0000 sys/' "$DUMP/modes"
}

@test "dump: of this machine, without the secrets of a process" {
	[[ -r /proc/self/smaps ]] || skip "no /proc"
	# It waits for a line that never comes.
	mkfifo "$BATS_TEST_TMPDIR/never"
	spawn env KSM_SECRET=hunter2secret sh -c 'read -r x <"$1"; : hunter2secret' sh \
		"$BATS_TEST_TMPDIR/never"
	own=$spawned
	wait_until grep -qa hunter2secret "/proc/$own/cmdline"
	expect 0 ksmctl dump -p "$own" "$DUMP"
	stderr_is ""
	[[ -s $DUMP/proc/$own/stat && -s $DUMP/proc/$own/smaps ]] || fail "$(find "$DUMP")"
	lacks hunter2secret KSM_SECRET "$BATS_TEST_TMPDIR"
	expect 0 ksmctl -s "$DUMP" procs -p "$own" -rn -o PID,STATE
	[[ $output == "$own "* ]] || fail "$output"
	expect 0 ksmctl -s "$DUMP" vmas -p "$own" -rn -o NAME
	stdout_has "[heap]"
	rm -r "$DUMP"
	expect 0 ksmctl dump -p "$own" --with cmdline "$DUMP"
	grep -qa hunter2secret "$DUMP/proc/$own/cmdline"
}
