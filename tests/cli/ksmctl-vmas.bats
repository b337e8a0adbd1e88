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
