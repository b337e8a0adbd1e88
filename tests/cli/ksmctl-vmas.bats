#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-vmas.bats - vmas: the mappings of one process and why each merges or not.

load ../lib/helpers

setup() { use_root 6.12-busy; }

@test "vmas: text, JSON, raw, CSV" {
	expect 0 ksmctl vmas -p 2001 -s "$ROOT"
	golden text
	expect 0 ksmctl vmas --pid 2001 -J -s "$ROOT"
	golden json
	valid_json
	expect 0 ksmctl vmas -p 2001 -r --output-all -s "$ROOT"
	golden raw-all
	expect 0 ksmctl vmas -p 2001 --csv -o ADDRESS,WHY,NAME -s "$ROOT"
	golden csv
	root_unchanged 6.12-busy
}

@test "vmas: the pid may be an operand" {
	expect 0 ksmctl vmas 2001 -s "$ROOT"
	golden text
}

@test "vmas: a guest that marked its memory, a process that did nothing" {
	expect 0 ksmctl vmas -p 1001 -s "$ROOT"
	golden guest
	expect 0 ksmctl vmas -p 2301 -s "$ROOT"
	golden off
}

@test "vmas: --mergeable leaves out the others" {
	for opt in -m --mergeable; do
		expect 0 ksmctl vmas -p 1001 $opt -rn -o MERGE -s "$ROOT"
		stderr_is ""
		same "kinds" "$(sort -u <<<"$output")" yes
	done
	expect 0 ksmctl vmas -p 2301 -m -s "$ROOT" -n
	stdout_is ""
	stderr_is ""
}

@test "vmas: a kernel whose smaps has no KSM line" {
	use_root 6.1
	expect 0 ksmctl vmas -p 1001 -J -o ADDRESS,KSM,MERGE -s "$ROOT"
	golden json-6.1
	valid_json
}

@test "vmas: why not, for each reason that flags can give" {
	local i=0
	: >"$ROOT/proc/2001/smaps"
	while read -r flags _; do
		cat >>"$ROOT/proc/2001/smaps" <<-EOF
			$((10 + i))000-$((10 + i))f00 rw-p 00000000 00:00 0
			Size:                  4 kB
			Rss:                   4 kB
			Anonymous:             4 kB
			KSM:                   0 kB
			VmFlags: rd wr mr mw me ${flags//,/ }
		EOF
		i=$((i + 1))
	done < <(reasons)
	expect 0 ksmctl vmas -p 2001 -rn -o MERGE,WHY -s "$ROOT"
	stdout_is "$(reasons | cut -d' ' -f2-)"
	stderr_is ""
}

# reasons: the flags, and what MERGE and WHY say of them.
reasons() {
	cat <<-'EOF'
		mg yes -
		ac no not\x20asked\x20for
		sh never shared\x20mapping
		sh,ms never shared\x20mapping
		ht never hugetlb\x20pages
		de,ht never hugetlb\x20pages
		pf never device\x20memory
		io never device\x20registers
		mm never mixed\x20device\x20memory
		de never mapping\x20of\x20a\x20driver
		dp never droppable\x20memory
	EOF
}

# A mapping of which marks made five, and neighbours that are none of its parts.
marked_in_parts() {
	local at=$((0x10000000)) size flags rest
	: >"$ROOT/proc/2001/smaps"
	while read -r size flags rest; do
		printf '%x-%x %s\nRss: %d kB\nAnonymous: %d kB\nKSM: %d kB\nVmFlags: rd wr mr mw me %s\n' \
			"$at" $((at + size * 1024)) "$rest" $((size + 4)) "$size" $((size / 2)) "$flags"
		at=$((at + size * 1024))
	done >>"$ROOT/proc/2001/smaps" <<-'EOF'
		4096 ac rw-p 00000000 00:00 0
		2048 mg rw-p 00000000 00:00 0
		4096 ac rw-p 00000000 00:00 0
		1024 mg rw-p 00000000 00:00 0
		5120 ac rw-p 00000000 00:00 0
		64 mg r--p 00000000 00:00 0
		8 ac rw-p 00000000 08:01 5  /lib/x.so
		4 mg rw-p 00000000 08:01 5  /lib/x.so
		4 mg rw-p 00000000 08:01 6  /lib/y.so
		4 sh rw-s 00000000 08:01 6  /lib/y.so
	EOF
}

@test "vmas: --join, MARKED and STRIP" {
	marked_in_parts
	export LC_ALL=C
	expect 0 ksmctl vmas --join -p 2001 -s "$ROOT"
	golden joined
	expect 0 ksmctl vmas --join -m -p 2001 -rn -o SIZE,PARTS,MERGE -s "$ROOT"
	stdout_is "16777216 5 part
65536 1 yes
12288 2 part
4096 1 yes"
	expect 0 ksmctl vmas --join -J -p 2001 -o MARKED,STRIP --sort -strip -s "$ROOT"
	golden joined-json
	valid_json
	# One by one, each is of one kind; what a program reads is never drawn.
	LC_ALL=C.UTF-8 expect 0 ksmctl vmas -p 2001 -r -o +PARTS,MARKED,STRIP -s "$ROOT"
	golden strip-raw
	has_utf8 || skip "no UTF-8 locale here"
	LC_ALL=C.UTF-8 expect 0 ksmctl vmas --join -p 2001 -s "$ROOT"
	golden joined-utf8
}

has_utf8() { [[ $(LC_ALL=C.UTF-8 locale charmap) == UTF-8 ]]; }

@test "vmas: figures that no machine has are no overflow" {
	printf '%s\n' '0-fffffffffffff000 rw-p 00000000 00:00 0' 'Anonymous: 9007199254740991 kB' \
		'VmFlags: mg' 'fffffffffffff000-ffffffffffffffff rw-p 00000000 00:00 0' \
		'Anonymous: 9007199254740991 kB' 'VmFlags: rd' >"$ROOT/proc/2001/smaps"
	expect 0 ksmctl vmas --join -p 2001 -rn -o SIZE,ANON,MARKED,MERGE,PARTS -s "$ROOT"
	stderr_is ""
	stdout_is "9223372036854775807 9223372036854775807 9223372036854774784 part 2"
	expect 0 ksmctl procs -p 2001 -rn -o MARKED -s "$ROOT"
	stdout_is 9223372036854774784
}

@test "vmas: hostile names of files" {
	printf '%s\n' \
		$'1000-2000 rw-p 00000000 08:01 5    /tmp/\e[2J x)\\012y' \
		'Rss: 4 kB' 'VmFlags: rd wr mg' >"$ROOT/proc/2001/smaps"
	for format in "" -r --csv; do
		# shellcheck disable=SC2086
		expect 0 ksmctl vmas -p 2001 $format -s "$ROOT"
		stderr_is ""
		clean_text
		stdout_has '\x1b[2J'
		same "lines" "${#lines[@]}" 2
	done
	expect 0 ksmctl vmas -p 2001 -J -s "$ROOT"
	stderr_is ""
	valid_json
}

@test "vmas: garbage and cut files" {
	for text in "rubbish" "1000-0fff rw-p 0 0:0 0" "1000" "zz-yy rw-p 00000000 00:00 0"; do
		echo "$text" >"$ROOT/proc/2001/smaps"
		expect 1 ksmctl vmas -p 2001 -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: 2001: cannot read its mappings: unexpected contents"
	done
	: >"$ROOT/proc/2001/smaps"
	expect 0 ksmctl vmas -p 2001 -n -s "$ROOT"
	stdout_is ""
	stderr_is ""
}

@test "vmas: no process, no such process, not ours" {
	expect 2 ksmctl vmas -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: vmas: no process named (-p PID)
Try 'ksmctl vmas --help' for more information."
	expect 2 ksmctl vmas -p 1,2 -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: 1,2: not a process number"
	expect 2 ksmctl vmas 1 2 -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: 2: unexpected argument"
	expect 1 ksmctl vmas -p 9999 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: 9999: cannot read its mappings: No such process"
	use_root denied
	need_unprivileged
	apply_modes
	expect 1 unprivileged ksmctl vmas -p 1 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: 1: cannot read its mappings: Permission denied (needs root, or CAP_SYS_PTRACE)"
}

@test "vmas: the stack of a process that asked for all of its memory" {
	use_root 7.3-busy
	cat >"$ROOT/proc/2100/smaps" <<-'EOF'
		300000000-300100000 rw-p 00000000 00:00 0
		Rss:              1000 kB
		Anonymous:        1000 kB
		VmFlags: rd wr mr mw me mg
		400000000-400100000 rw-p 00000000 00:00 0
		Rss:              1000 kB
		Anonymous:        1000 kB
		VmFlags: rd wr mr mw me
		7ffd0000-7ffe0000 rw-p 00000000 00:00 0    [stack]
		Rss:                20 kB
		Anonymous:          20 kB
		VmFlags: rd wr mr mw me gd ac
	EOF
	sed -i 's/^ksm_merge_any.*/ksm_merge_any: yes/' "$ROOT/proc/2100/ksm_stat"
	expect 0 ksmctl vmas -p 2100 --csv -n -o WHY -s "$ROOT"
	stderr_is ""
	stdout_is '
"left out by program"
"left out by exec"'
	sed -i 's/^ksm_merge_any.*/ksm_merge_any: no/' "$ROOT/proc/2100/ksm_stat"
	expect 0 ksmctl vmas -p 2100 --csv -n -o WHY -s "$ROOT"
	stdout_is '
"not asked for"
"not asked for"'
}
