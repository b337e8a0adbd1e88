#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-list.bats - list and get: the attributes, in every format, and what is
# said of one that a kernel lacks.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() { use_root 6.12-busy; }

@test "list: text, JSON, raw, CSV" {
	expect 0 ksmctl list -s "$ROOT"
	golden text
	expect 0 ksmctl list -J -s "$ROOT"
	golden json
	valid_json
	expect 0 ksmctl list --raw -s "$ROOT"
	golden raw
	expect 0 ksmctl list --csv -s "$ROOT"
	golden csv
	root_unchanged 6.12-busy
}

@test "list: on a terminal of 80 columns no line is longer, and none is cut" {
	command -v script >/dev/null || skip "no script(1) to make a terminal"
	TERM=xterm expect 0 script -qec "stty cols 80; ksmctl list -s '$ROOT'" /dev/null
	while IFS= read -r line; do
		line=${line%$'\r'}
		((${#line} <= 80)) || fail "${#line} columns: $line"
	done <<<"$output"
	# The last words of the longest meaning.
	words=$(tr -cd 'a-z \n' <<<"$output")
	[[ $words == *kept* && $words == *pinned* ]] || fail "$output"
	# A terminal that does not know its size is one of 80 columns.
	wide=$(tr -d '\r' <<<"$output")
	TERM=xterm expect 0 script -qec "stty cols 65535 rows 65535; ksmctl list -s '$ROOT'" /dev/null
	same "65535 columns" "$(tr -d '\r' <<<"$output")" "$wide"
}

@test "list: --output chooses columns, +LIST adds, --output-all is all" {
	expect 0 ksmctl list -o value,NAME -rn -s "$ROOT"
	stderr_is ""
	same "first line" "${lines[0]}" "1 run"
	same "lines" "${#lines[@]}" 24
	expect 0 ksmctl list -o +RANGE --csv -n -s "$ROOT"
	stderr_is ""
	same "first line" "${lines[0]}" \
		'run,1,,knob,yes,2.6.32,"0 stopped (merged pages stay), 1 running, 2 unmerge all and stop","0 to 2"'
	expect 0 ksmctl list --output-all -J -s "$ROOT"
	golden json-all
	valid_json
}

@test "list: --sort orders by a column, either way" {
	expect 0 ksmctl list -o NAME -rn --sort name -s "$ROOT"
	stderr_is ""
	stdout_is "$(LC_ALL=C sort <<<"$output")"
	same "first line" "${lines[0]}" advisor_max_cpu
	expect 0 ksmctl list -o NAME -rn --sort -name -s "$ROOT"
	stderr_is ""
	same "first line" "${lines[0]}" use_zero_pages
}

@test "list: what a kernel lacks is absent, not zero" {
	use_root 5.15-old
	expect 0 ksmctl list -s "$ROOT" -o NAME,VALUE,SINCE
	golden text-5.15
	expect 0 ksmctl list -s "$ROOT" -J -o NAME,VALUE
	golden json-5.15
	valid_json
}

@test "list: what only hksm has is there under hksm, and not elsewhere" {
	use_root 7.3-hksm
	expect 0 ksmctl list -s "$ROOT"
	golden text-hksm
	expect 0 ksmctl list -J -s "$ROOT" -o NAME,VALUE,WRITABLE,SINCE
	golden json-hksm
	valid_json
	# One that this hksm does not have is another's.
	rm "$ROOT/$ksm/hksm/scanners"
	echo many >"$ROOT/$ksm/hksm/split_min"
	expect 4 ksmctl list -rn -o NAME,VALUE -s "$ROOT"
	stdout_has "hksm/split_min -"
	stderr_is "ksmctl: /sys/kernel/mm/ksm/hksm/split_min: cannot read: unexpected contents"
	[[ $output != *scanners* ]] || fail "$output"
}

@test "list: garbage is told file by file, the rest is listed" {
	use_root garbage
	expect 4 ksmctl list -s "$ROOT" -o NAME,VALUE
	golden text-garbage
}

@test "list: a column or an order that does not exist" {
	expect 2 ksmctl list -o NAME,SIZE -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: unknown column 'SIZE' (known: NAME, VALUE, UNIT, KIND, WRITABLE, SINCE, RANGE, HELP)
Try 'ksmctl list --help' for more information."
	expect 2 ksmctl list --sort SIZE -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: unknown column 'SIZE'"
}

@test "list: formats exclude one another, and so do ways to choose columns" {
	for pair in "-J --csv" "-r -J" "--csv -r" "-o NAME --output-all"; do
		# shellcheck disable=SC2086
		expect 2 ksmctl list $pair -s "$ROOT"
		stdout_is ""
		stderr_has " exclude each other"
	done
}

@test "get: several values, in the order asked" {
	expect 0 ksmctl get sleep_millisecs run advisor_mode general_profit -s "$ROOT"
	stdout_is "20
1
scan-time
1188945280"
	stderr_is ""
	expect 0 ksmctl get -J sleep_millisecs run advisor_mode general_profit -s "$ROOT"
	stdout_is '{
   "sleep_millisecs": 20,
   "run": 1,
   "advisor_mode": "scan-time",
   "general_profit": 1188945280
}'
	stderr_is ""
	root_unchanged 6.12-busy
}

@test "get: all that list knows" {
	local name value
	while read -r name value; do
		expect 0 ksmctl get "$name" -s "$ROOT"
		stdout_is "$value"
		stderr_is ""
	done < <(ksmctl list -rn -o NAME,VALUE -s "$ROOT")
}

@test "get: a mistyped name gets its nearest ones" {
	expect 2 ksmctl get run page_sharing -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: page_sharing: unknown attribute (did you mean: max_page_sharing, pages_sharing, pages_shared)"
	expect 2 ksmctl get xyzzy -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: xyzzy: unknown attribute (see: ksmctl list)"
}

@test "get: a hostile name cannot steer the terminal" {
	expect 2 ksmctl get $'run\e[2J\n' -s "$ROOT"
	stdout_is ""
	clean_text
	stderr_is 'ksmctl: run\x1b[2J\x0a: unknown attribute (see: ksmctl list)'
}

@test "get: no name" {
	expect 2 ksmctl get -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: get: no attribute named (see: ksmctl list)
Try 'ksmctl get --help' for more information."
}

@test "get: what the kernel lacks names the file and the first kernel, exit 3" {
	use_root 5.15-old
	expect 3 ksmctl get run advisor_mode -s "$ROOT"
	# All or nothing: a script must not take the first value for the second.
	stdout_is ""
	stderr_is "ksmctl: advisor_mode: this kernel does not have /sys/kernel/mm/ksm/advisor_mode (since Linux 6.8)"
	rm "$ROOT/$ksm/merge_across_nodes"
	expect 3 ksmctl get merge_across_nodes -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: merge_across_nodes: this kernel does not have /sys/kernel/mm/ksm/merge_across_nodes (since Linux 3.9, with CONFIG_NUMA)"
}

@test "get: what hksm has, and what is said where another engine merges" {
	use_root 7.3-hksm
	expect 0 ksmctl get hksm/one_pass hksm/candidates_dropped hksm/max_metadata \
		hksm/longest_mmap_ns hksm/longest_exclusive_ns -s "$ROOT"
	stdout_is "1
0
0
1002496
267264"
	stderr_is ""
	rm "$ROOT/$ksm/hksm/scanners"
	expect 3 ksmctl get hksm/scanners -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: hksm/scanners: this kernel does not have /sys/kernel/mm/ksm/hksm/scanners (a later hksm has)"
	use_root 6.12-busy
	expect 3 ksmctl get hksm/one_pass -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: hksm/one_pass: this kernel does not have /sys/kernel/mm/ksm/hksm/one_pass (its engine is ksm, and only hksm has)"
	expect 2 ksmctl get one_pass -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: one_pass: unknown attribute (did you mean: hksm/one_pass)"
}

@test "get: every attribute missing names its own file and kernel" {
	local name since
	rm "$ROOT/$ksm"/*
	while read -r name since; do
		expect 3 ksmctl get "$name" -s "$ROOT"
		stdout_is ""
		stderr_has "ksmctl: $name: this kernel does not have /sys/kernel/mm/ksm/$name (since Linux $since"
	done < <(ksmctl list -rn -o NAME,SINCE -s "$ROOT")
}

@test "get: empty and garbage files" {
	: >"$ROOT/$ksm/run"
	printf '12 34\n' >"$ROOT/$ksm/pages_shared"
	printf '[none' >"$ROOT/$ksm/advisor_mode"
	printf '99999999999999999999999\n' >"$ROOT/$ksm/full_scans"
	printf -- '-5\n' >"$ROOT/$ksm/pages_unshared"
	head -c 200000 /dev/zero >"$ROOT/$ksm/smart_scan"
	for name in run pages_shared advisor_mode full_scans pages_unshared smart_scan; do
		expect 1 ksmctl get $name -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: $name: cannot read: unexpected contents"
	done
	rm "$ROOT/$ksm/sleep_millisecs"
	mkdir "$ROOT/$ksm/sleep_millisecs"
	expect 1 ksmctl get sleep_millisecs -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot read: Is a directory"
}

@test "get: what may not be read" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 1 unprivileged ksmctl get run -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: permission denied (needs root, or CAP_DAC_OVERRIDE)"
	expect 0 unprivileged ksmctl get pages_to_scan -s "$ROOT"
	stdout_is 100
	stderr_is ""
}

@test "get: negative profit" {
	echo -42 >"$ROOT/$ksm/general_profit"
	expect 0 ksmctl get general_profit -s "$ROOT"
	stdout_is -42
	stderr_is ""
}
