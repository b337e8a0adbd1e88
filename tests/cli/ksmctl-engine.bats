#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-engine.bats - which engine merges and what it can do: found by looking at
# each kernel, and not told from its version.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

@test "engine: text on each kernel" {
	for root in 5.15-old 6.1 6.12-busy 7.3-hksm; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" engine
		golden text-$root
		root_unchanged $root
	done
}

@test "engine: JSON, raw and CSV are without the line above the table" {
	use_root 7.3-hksm
	expect 0 ksmctl -s "$ROOT" engine -J
	golden json-7.3-hksm
	valid_json
	for format in -r --csv -n; do
		expect 0 ksmctl -s "$ROOT" engine $format -o NAME,HAS --sort NAME
		stderr_is ""
		[[ $output != *"engine hksm"* ]] || fail "$format: $output"
	done
	expect 0 ksmctl -s "$ROOT" engine -rn -o NAME,VALUE
	stdout_has "hksm/merges 304340"
}

@test "engine: what a kernel was built without is not promised by its version" {
	use_root 6.12-busy
	rm "$ROOT/$ksm/advisor_mode" "$ROOT/$ksm/merge_across_nodes"
	expect 0 ksmctl -s "$ROOT" engine -rn -o NAME,HAS,VALUE
	stderr_is ""
	stdout_has "advisor_mode no -"
	stdout_has "merge_across_nodes no -"
	stdout_has "smart_scan yes 1"
}

@test "engine: hksm's counters are for root, and there for everybody" {
	use_root 7.3-hksm
	need_unprivileged
	chmod 0 "$ROOT/$ksm/hksm/merges" "$ROOT/$ksm/hksm/breaks"
	expect 0 unprivileged ksmctl -s "$ROOT" engine -rn -o NAME,HAS,VALUE
	stderr_is ""
	stdout_has "hksm/metadata_bytes yes 4461872"
	stdout_has "hksm/merges yes denied"
	expect 0 unprivileged ksmctl -s "$ROOT" engine -J
	valid_json
}

@test "engine: a file that says something else is there, and its value is not known" {
	use_root garbage
	expect 4 ksmctl -s "$ROOT" engine -rn -o NAME,HAS,VALUE
	stdout_has "advisor_mode yes -"
	stdout_has "smart_scan yes -"
	stderr_has "ksmctl: /sys/kernel/mm/ksm/advisor_mode: cannot read: unexpected contents"
	expect 4 ksmctl -s "$ROOT" engine -J
	valid_json
	use_root 7.3-hksm
	echo many >"$ROOT/$ksm/hksm/merges"
	expect 4 ksmctl -s "$ROOT" engine -rn -o NAME,HAS,VALUE
	stdout_has "hksm/merges yes -"
	stderr_is "ksmctl: /sys/kernel/mm/ksm/hksm/merges: cannot read: unexpected contents"
}

@test "engine: a release that would steer a terminal, or none" {
	use_root 6.12-busy
	printf 'page_size 4096\nrelease 6.12\e[31m\n' >"$ROOT/meta"
	expect 0 ksmctl -s "$ROOT" engine
	clean_text
	same "first line" "${lines[0]}" 'engine ksm, Linux 6.12\x1b[31m'
	expect 0 ksmctl -s "$ROOT" engine -J
	valid_json
	echo page_size 4096 >"$ROOT/meta"
	expect 0 ksmctl -s "$ROOT" engine
	same "first line" "${lines[0]}" 'engine ksm'
	expect 0 ksmctl -s "$ROOT" engine -J
	stdout_has '"release": null,'
}

@test "engine: UKSM beside KSM is told, and alone is not supported" {
	use_root 6.12-busy
	mkdir "$ROOT/sys/kernel/mm/uksm"
	echo 1 >"$ROOT/sys/kernel/mm/uksm/run"
	expect 0 ksmctl -s "$ROOT" engine
	same "first line" "${lines[0]}" 'engine ksm, Linux 6.12.48-amd64; beside it uksm'
	expect 0 ksmctl -s "$ROOT" engine -J
	stdout_has '"uksm": true,'
	rm -r "${ROOT:?}/$ksm"
	expect 3 ksmctl -s "$ROOT" engine
	stdout_is ""
	stderr_has "this kernel has the engine UKSM in place of KSM"
	use_root no-ksm
	expect 3 ksmctl -s "$ROOT" engine
	stdout_is ""
	stderr_has "this kernel has no KSM"
}

# module ENABLED TRANSITION: as /sys/kernel/livepatch shows the module.
module() {
	mkdir -p "$ROOT/sys/kernel/livepatch/hksm"
	echo "$1" >"$ROOT/sys/kernel/livepatch/hksm/enabled"
	echo "$2" >"$ROOT/sys/kernel/livepatch/hksm/transition"
}

@test "engine: hksm as a module" {
	use_root 7.3-hksm
	module 1 0
	expect 0 ksmctl -s "$ROOT" engine
	same "first line" "${lines[0]}" "engine hksm, a module, Linux 7.3.4-amd64-hksm"
	expect 0 ksmctl -s "$ROOT" engine -J
	valid_json
	same "module" "$(jq -r .module <<<"$output")" in
}

@test "engine: while one engine takes the place of the other" {
	use_root 6.12-busy
	rm -r "${ROOT:?}/$ksm"
	module 1 1
	echo 0 >"$ROOT/proc/1002/patch_state"
	expect 0 ksmctl -s "$ROOT" engine
	stdout_is "changing over to hksm, which waits for 1002 (qemu-system-x86)"
	expect 0 ksmctl -s "$ROOT" engine -J
	valid_json
	same "module" "$(jq -r .module <<<"$output")" comes
	same "features" "$(jq -c .features <<<"$output")" "[]"
	module 0 1
	expect 0 ksmctl -s "$ROOT" engine
	stdout_is "changing over to ksm, which waits for nobody any more"
	# Others say so as well, and not that this kernel has no KSM.
	expect 1 ksmctl -s "$ROOT" status
	stderr_is "ksmctl: /sys/kernel/mm/ksm: not there while the engine is changed (see: ksmctl engine)"
}

@test "engine: load and unload are for the running system" {
	use_root 6.12-busy
	for verb in load "load /hksm.ko" unload; do
		expect 3 ksmctl -s "$ROOT" engine $verb
		stdout_is ""
		stderr_has ": a dump has no engine to ${verb%% *}"
	done
	root_unchanged 6.12-busy
}

@test "engine: takes load and unload, and no unknown column" {
	use_root 6.12-busy
	for words in "on" "load A B" "unload A"; do
		expect 2 ksmctl engine $words -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: engine: ${words%% *}: expects load, load FILE or unload
Try 'ksmctl engine --help' for more information."
	done
	for option in --force -N --timeout=3; do
		expect 2 ksmctl engine $option -s "$ROOT"
		stderr_has "ksmctl: engine: --force, --dry-run and --timeout are for load and unload"
	done
	expect 2 ksmctl engine load --timeout=never
	stderr_has "--timeout: never"
	expect 2 ksmctl engine -o ABILITY -s "$ROOT"
	stdout_is ""
	stderr_has "known: NAME, HAS, VALUE, SINCE, HELP"
}
