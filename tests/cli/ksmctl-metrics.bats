#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-metrics.bats - metrics: valid text in both formats, whatever the kernel has
# and whatever processes are called.  Prometheus' own tools look at it where they are
# installed.

load ../lib/helpers
load ../lib/prometheus

ksm=sys/kernel/mm/ksm

setup() { use_root 6.12-busy; }

# strict [openmetrics]: stdout is of the format to the letter, and UTF-8.
strict() {
	local verdict prometheus=1

	[[ ${1-} != openmetrics ]] || prometheus=
	verdict=$(LC_ALL=C awk -v prometheus=$prometheus -f "$KSM_SRCDIR/tests/cli/openmetrics.awk" \
		<<<"$output") || fail "not valid:" "$verdict" || return
	iconv -f UTF-8 -t UTF-8 >/dev/null <<<"$output" || fail "no valid UTF-8"
}

@test "the parser of these tests finds what is wrong" {
	ok='# HELP a_b B.
# TYPE a_b gauge
a_b{x="1\\\"\n",y=""} -1.5e+3
# TYPE c counter
c_total 5
# EOF'
	output=$ok strict openmetrics
	while IFS='|' read -r from to; do
		from=${from//@/$'\n'} to=${to//@/$'\n'}
		output=${ok/"$from"/"$to"}
		[[ $output != "$ok" ]] || fail "no such text: $from"
		strict openmetrics 2>/dev/null && fail "not found: $to"
		:
	done <<-'EOF'
		# EOF|# eof
		@# EOF|
		c_total 5|c 5
		c_total 5|c_total -5
		c_total 5|c_total five
		c_total 5|c_total 5@c_total 6
		c_total 5|a_b 5
		c_total 5|c_total  5
		c_total 5|c_total 5 @
		x="1|x=1
		x="1|1x="1
		x="1|x="\1
		,y=""|y=""
		,y=""|,x=""
		# TYPE c counter|# TYPE c counted
		# TYPE c counter|# TYPE c_total counter
		# TYPE c counter|#TYPE c counter
		# TYPE c counter|# TYPE c counter@# TYPE c counter
		# TYPE c counter|# TYPE c counter@
		# HELP a_b B.|# HELP a_b
		c_total 5|c_total 5@# TYPE a_b gauge@a_b 3
	EOF
	# The same of Prometheus' own format.
	ok=${ok/"# TYPE c counter"/"# TYPE c_total counter"} ok=${ok%$'\n'*}
	output=$ok strict
	for bad in "$ok"$'\n# EOF' "${ok/c_total counter/c counter}" "${ok//c_total/c}"; do
		output=$bad
		strict 2>/dev/null && fail "not found: $bad"
		:
	done
	output="# EOF"
	! strict openmetrics 2>/dev/null
}

@test "metrics: on each kernel" {
	for root in 6.12-busy 6.12-tuned 7.3-hksm 5.15-old arm64-16k; do
		use_root $root
		expect 0 ksmctl metrics -s "$ROOT"
		golden system-$root
		strict
		families=$(grep -v '^#' <<<"$output")
		expect 0 ksmctl metrics --format=openmetrics -s "$ROOT"
		stderr_is ""
		strict openmetrics
		# Samples are the same; the words around them are not.
		same samples "$(grep -v '^#' <<<"$output")" "$families"
		root_unchanged $root
	done
}

@test "metrics: what hksm keeps for root is no failure for others" {
	use_root 7.3-hksm
	need_unprivileged
	chmod 0 "$ROOT/$ksm/hksm/merges" "$ROOT/$ksm/hksm/breaks"
	expect 0 unprivileged ksmctl metrics -s "$ROOT"
	stderr_is ""
	strict
	stdout_has "ksm_candidates_dropped_total 0"
	[[ $output != *ksm_merges* ]] || fail "$output"
	chmod 0 "$ROOT/$ksm/hksm/one_pass"
	expect 4 unprivileged ksmctl metrics -s "$ROOT"
	stderr_has "ksmctl: warning: hksm/one_pass: permission denied"
}

@test "metrics: --procs, per process, on each kernel" {
	for root in 6.12-busy 7.3-hksm 6.1 arm64-16k; do
		use_root $root
		expect 0 ksmctl metrics --procs -s "$ROOT"
		strict
		output=$(grep ksm_process_ <<<"$output" | sort) golden procs-$root
	done
	use_root 5.15-old
	expect 0 ksmctl metrics --procs -s "$ROOT"
	stderr_is ""
	strict
	[[ $output != *ksm_process_* ]] || fail "figures of processes from nowhere"
}

@test "metrics: --procs=MIN leaves the small ones out" {
	count() { ksmctl metrics --procs="$1" -s "$ROOT" | grep -c '^ksm_process_merging_bytes{' || :; }
	same all "$(count 0)" 8
	same "100M" "$(count 100M)" 4
	same "1 TiB" "$(count 1T)" 0
	expect 0 ksmctl metrics --procs=1T -s "$ROOT"
	stderr_is ""
	strict
	for word in many -1 1X ""; do
		expect 2 ksmctl metrics --procs="$word" -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: --procs: $word: not a size
Try 'ksmctl metrics --help' for more information."
	done
}

@test "metrics: negative values are legal and stay" {
	echo -5 >"$ROOT/$ksm/general_profit"
	expect 0 ksmctl metrics --procs -s "$ROOT"
	stderr_is ""
	strict
	stdout_has "
node_ksmd_general_profit_bytes -5
"
	stdout_has 'comm="redis-server",uid="41004",unit="redis.service"} -3159040'
}

@test "metrics: hostile names in labels" {
	use_root hostile
	for locale in C C.UTF-8; do
		LC_ALL=$locale expect 0 ksmctl metrics --procs -s "$ROOT"
		stderr_is ""
		strict
		[[ $locale != C ]] || clean_text
	done
	stdout_has 'comm="two\\x0alines"'
	stdout_has 'comm="json\"\\"'
	stdout_has 'vm="\\x1b[41mvm\\x0a1,2"'
}

@test "metrics: garbage is left out, not 0" {
	use_root garbage
	expect 4 ksmctl metrics --procs -s "$ROOT"
	strict
	stderr_is "ksmctl: warning: /sys/kernel/mm/ksm/run: not readable: unexpected contents"
	[[ $output != *node_ksmd_run* ]] || fail "a figure that nobody wrote"
	stdout_has "ksm_page_size_bytes 4096"
}

@test "metrics: --by sums instead of a label for each process" {
	for by in unit vm cgroup user comm; do
		expect 0 ksmctl metrics --by $by -s "$ROOT"
		strict
		[[ $output != *pid=* && $output != *ksm_process_* ]] || fail "processes: $output"
		output=$(grep '^ksm_group_' <<<"$output") golden by-$by
		# Shares add up to what the system saves, to the byte but for rounding.
		[[ $by != vm ]] || continue
		sum=$(($(sed -n 's/^ksm_group_saved_bytes{.*} //p' <<<"$output" | paste -sd+)))
		((sum > 1275023360 - 40960 && sum < 1275023360 + 40960)) || fail "$by: $sum"
	done
	expect 0 ksmctl metrics --by vm --procs=200M -s "$ROOT"
	stderr_is ""
	same groups "$(grep -c '^ksm_group_profit_bytes' <<<"$output")" 2
	expect 0 ksmctl metrics --by pid -s "$ROOT"
	stdout_has 'ksm_process_merging_bytes{pid="1001"'
	expect 2 ksmctl metrics --by host -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: --by: host: not a way to group"
	expect 2 ksmctl metrics --format=json -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: --format: json: not a format (prometheus, openmetrics)"
	use_root pods
	for by in container pod namespace; do
		expect 0 ksmctl metrics --by $by --top 2 -s "$ROOT"
		strict
		output=$(grep '^ksm_group_' <<<"$output") golden by-$by
	done
	use_root hostile
	expect 0 ksmctl metrics --by comm -s "$ROOT"
	stderr_is ""
	strict
	stdout_has 'comm="two\\x0alines"'
}

# series: how many are in stdout of a family that each process or group has.
series() { grep -c "^ksm_$1_merging_bytes{" <<<"$output" || :; }

# sum FAMILY: of all its samples.
sum() { echo $(($(sed -n "s/^$1{.*} //p" <<<"$output" | paste -sd+))); }

@test "metrics: --top has a sum of the others, and nothing is lost in it" {
	for options in --procs "--by unit" "--by comm --procs=0"; do
		kind=group
		[[ $options != --procs ]] || kind=process
		# shellcheck disable=SC2086
		expect 0 ksmctl metrics $options --top 0 -s "$ROOT"
		stderr_is ""
		all=$(series $kind)
		names=$(sed -n "s/^\(ksm_${kind}_[a-z_]*\){.*/\1/p" <<<"$output" | sort -u)
		declare -A of=()
		for name in $names; do
			of[$name]=$(sum "$name")
		done
		stdout_has "
ksm_others 0"
		largest=$(sed -n "s/^ksm_${kind}_merging_bytes{.*} //p" <<<"$output" | sort -rn | head -n 2)
		# shellcheck disable=SC2086
		expect 0 ksmctl metrics $options --top 2 -s "$ROOT"
		stderr_is ""
		strict
		same "$options: series" "$(series $kind)" 3
		stdout_has "
ksm_others $((all - 2))"
		same "$options: the largest" "$(sed -n "s/^ksm_${kind}_merging_bytes{.*[a-z\"]} //p" \
			<<<"$(grep -v rest= <<<"$output")" | sort -rn)" "$largest"
		for name in $names; do
			same "$options: $name" "$(sum $name)" "${of[$name]}"
		done
		# shellcheck disable=SC2086
		expect 0 ksmctl metrics $options --top "$all" -s "$ROOT"
		[[ $output != *rest=* ]] || fail "a sum of nobody: $output"
	done
	for word in many -1 1k ""; do
		expect 2 ksmctl metrics --top "$word" -s "$ROOT"
		stdout_is ""
		stderr_has "ksmctl: --top: $word: not a number"
	done
}

@test "metrics: of others there are no counters" {
	use_root 7.3-hksm
	expect 0 ksmctl metrics --procs --top 1 -s "$ROOT"
	stderr_is ""
	strict
	stdout_has 'ksm_process_metadata_bytes{pid="other",rest="yes"} '
	same counters "$(grep -c '^ksm_process_.*_total{' <<<"$output")" \
		"$(grep -c '^# TYPE ksm_process_.* counter' <<<"$output")"
	[[ $output != *_total{pid=\"other\"* ]] || fail "$output"
}

@test "metrics: a process that is called like the others is not taken for them" {
	for pid in 1001 1002 1003 1010; do
		sed -i 's/(.*)/(other)/' "$ROOT/proc/$pid/stat"
		sed -i 's/^Name:.*/Name:\tother/' "$ROOT/proc/$pid/status"
	done
	expect 0 ksmctl metrics --by comm --top 1 -s "$ROOT"
	strict
	stdout_has '{comm="other"} '
	stdout_has '{comm="other",rest="yes"} '
}

@test "metrics: 500 processes are at most 101 series of a metric" {
	rm -r "$ROOT"/proc/[2-9]*
	for ((pid = 10000; pid < 10500; pid++)); do
		echo "$ROOT/proc/$pid"
	done | xargs mkdir
	# The same files under another number, which stands in two of them.
	for ((pid = 10000; pid < 10500; pid++)); do
		ln "$ROOT"/proc/1001/{ksm_stat,ksm_merging_pages,status,cmdline,cgroup,stat} "$ROOT/proc/$pid/"
	done 2>/dev/null || fail "no files to link"
	expect 0 ksmctl metrics --procs -s "$ROOT"
	strict
	same "by default" "$(series process)" 101
	((${#output} < 100 * 1024)) || fail "${#output} bytes"
	expect 0 ksmctl metrics --procs --top 5 -s "$ROOT"
	same "with 5" "$(series process)" 6
	expect 0 ksmctl metrics --procs --top 0 -s "$ROOT"
	(($(series process) > 500)) || fail "not all: $(series process)"
}

@test "metrics: users have numbers, and names where they are asked for" {
	expect 0 ksmctl metrics --procs -s "$ROOT"
	[[ $output != *user=* ]] || fail "$output"
	stdout_has 'comm="python3",uid="41003",unit='
	# Numbers of a dump have no names here.
	expect 0 ksmctl metrics --procs --names -s "$ROOT"
	strict
	stdout_has 'comm="python3",uid="41003",user="41003",unit='
}

@test "metrics: --write replaces a file whole, or not at all" {
	dir=$BATS_TEST_TMPDIR/dir
	mkdir "$dir"
	expect 0 ksmctl metrics --procs -s "$ROOT"
	all=$output
	(umask 022; expect 0 ksmctl metrics --procs --write "$dir/ksm.prom" -s "$ROOT"; stdout_is ""; stderr_is "")
	same "the file" "$(<"$dir/ksm.prom")" "$all"
	same "its mode" "$(stat -c %a "$dir/ksm.prom")" 644
	number=$(stat -c %i "$dir/ksm.prom")
	exec 7<"$dir/ksm.prom"
	expect 0 ksmctl metrics --write "$dir/ksm.prom" -s "$ROOT"
	[[ $(stat -c %i "$dir/ksm.prom") != "$number" ]] || fail "written in place"
	same "what was open" "$(cat <&7)" "$all"
	exec 7<&-
	# A part is written with what could be read; nothing is when there is nothing.
	use_root garbage
	expect 4 ksmctl metrics --write "$dir/ksm.prom" -s "$ROOT"
	stderr_has "ksmctl: warning: /sys/kernel/mm/ksm/run: not readable"
	part=$(<"$dir/ksm.prom")
	contains "the file" "$part" "ksm_page_size_bytes 4096"
	use_root no-ksm
	expect 3 ksmctl metrics --write "$dir/ksm.prom" -s "$ROOT"
	same "the file" "$(<"$dir/ksm.prom")" "$part"
	# What others put there instead leads nowhere.
	use_root 6.12-busy
	echo theirs >"$BATS_TEST_TMPDIR/victim"
	for kind in link dangling pipe directory; do
		rm -rf "$dir/ksm.prom"
		case $kind in
		link) ln -s "$BATS_TEST_TMPDIR/victim" "$dir/ksm.prom" ;;
		dangling) ln -s "$BATS_TEST_TMPDIR/none" "$dir/ksm.prom" ;;
		pipe) mkfifo "$dir/ksm.prom" ;;
		directory) mkdir "$dir/ksm.prom" ;;
		esac
		expect 1 timeout 60 ksmctl metrics --write "$dir/ksm.prom" -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: $dir/ksm.prom: not replaced: no plain file"
	done
	same "what the link led to" "$(<"$BATS_TEST_TMPDIR/victim")" theirs
	[[ ! -e $BATS_TEST_TMPDIR/none ]] || fail "made through a link"
	rm -r "$dir/ksm.prom"
	same "leftovers" "$(ls -A "$dir")" ""
	expect 1 ksmctl metrics --write "$dir/none/ksm.prom" -s "$ROOT"
	stderr_is "ksmctl: $dir/none/ksm.prom: cannot create: No such file or directory"
}

@test "metrics: --every writes again, whatever a round meets, until it is told to end" {
	dir=$BATS_TEST_TMPDIR/dir err=$BATS_TEST_TMPDIR/err
	expect 2 ksmctl metrics --every 1s -s "$ROOT"
	stderr_has "ksmctl: --every: wants --write"
	expect 2 ksmctl metrics --every 10ms --write "$dir/ksm.prom" -s "$ROOT"
	stderr_has "ksmctl: --every: 10ms: shorter than a second"
	mkdir "$dir"
	ksmctl metrics --every 1s --write "$dir/ksm.prom" -s "$ROOT" 2>"$err" 3>&- &
	pid=$!
	wait_until test -e "$dir/ksm.prom"
	echo 4711 >"$ROOT/$ksm/pages_to_scan"
	wait_until grep -qx 'node_ksmd_pages_to_scan 4711' "$dir/ksm.prom"
	mv "$dir" "$dir.away"
	wait_until grep -qxF "ksmctl: $dir/ksm.prom: cannot create: No such file or directory" "$err"
	mv "$dir.away" "$dir"
	echo 4712 >"$ROOT/$ksm/pages_to_scan"
	wait_until grep -qx 'node_ksmd_pages_to_scan 4712' "$dir/ksm.prom"
	kill "$pid"
	wait "$pid" || fail "it ended with $?"
	same "leftovers" "$(ls -A "$dir")" ksm.prom
	use_root no-ksm
	expect 3 ksmctl metrics --every 1s --write "$dir/ksm.prom" -s "$ROOT"
}

@test "metrics: promtool has nothing to say" {
	command -v promtool >/dev/null || skip "no promtool (Debian: prometheus)"
	for root in 6.12-busy 7.3-hksm 5.15-old; do
		use_root $root
		for options in "" --procs "--by unit"; do
			# shellcheck disable=SC2086
			ksmctl metrics $options -s "$ROOT" >"$BATS_TEST_TMPDIR/ksm.prom"
			expect 0 promtool check metrics <"$BATS_TEST_TMPDIR/ksm.prom"
			stdout_is ""
			stderr_is ""
		done
	done
}

@test "metrics: node_exporter takes counters for counters, with their help" {
	need_program prometheus-node-exporter curl
	mkdir "$BATS_TEST_TMPDIR/text"
	ksmctl metrics --procs -s "$ROOT" >"$BATS_TEST_TMPDIR/text/ksm.prom"
	exporter_start "$BATS_TEST_TMPDIR/text"
	stdout_has "
node_textfile_scrape_error 0"
	stdout_has "
# HELP node_ksmd_full_scans_total Passes over all mergeable memory.
# TYPE node_ksmd_full_scans_total counter
node_ksmd_full_scans_total 412
"
	stdout_has "
# TYPE node_ksmd_general_profit_bytes gauge
node_ksmd_general_profit_bytes 1.18894528e+09
"
	stdout_has 'ksm_process_merging_bytes{comm='
	[[ $output != *untyped* ]] || fail "untyped: $(grep -B2 untyped <<<"$output")"
}

@test "metrics: what may not be read is left out" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 4 unprivileged ksmctl metrics --procs -s "$ROOT"
	stderr_has "ksmctl: warning: run: permission denied (needs root, or CAP_DAC_OVERRIDE)"
	stderr_has " processes of others could not be read (needs root, or CAP_DAC_READ_SEARCH)"
	strict
	[[ $output != *node_ksmd_run* ]] || fail "a figure that nobody may read"
	same "processes" "$(grep -c '^ksm_process_merging_bytes{' <<<"$output")" 1
}

@test "metrics: KSM absent, operands" {
	expect 2 ksmctl metrics all -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: all: unexpected argument"
	use_root no-ksm
	expect 3 ksmctl metrics -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
}

@test "metrics: of ksm-autotune, what is not known is left out, and one that died is down" {
	note=run/ksm-autotune/decision
	use_root 6.12-tuned
	sed -i '/^some_pct=/d; /^price_ms=/d' "$ROOT/$note"
	rm -r "$ROOT/proc/900"
	expect 0 ksmctl metrics -s "$ROOT"
	strict
	stdout_has "
ksm_autotune_up 0
"
	[[ $output != *pressure_some* && $output != *price* && $output == *pressure_full* ]] ||
		fail "$output"
	# Names that would break a line, that are no UTF-8, and the same one twice.
	printf 'rule=keys\nprocesses=9\nrule=a"b\\c\xff\e[0m\nprocesses=7\n' >>"$ROOT/$note"
	for format in "" --format=openmetrics; do
		expect 0 ksmctl metrics -s "$ROOT" $format
		strict ${format#--format=}
		stdout_has 'ksm_autotune_rule_processes{rule="a\"b\\c\\xff\\x1b[0m"} 7'
		same "rules" "$(grep -c '^ksm_autotune_rule_processes{' <<<"$output")" 3
	done
	# Without rules there is no family, and without a note no figure at all.
	sed -i '/^rule=/,$d' "$ROOT/$note"
	expect 0 ksmctl metrics -s "$ROOT"
	strict
	[[ $output != *autotune_rule* && $output == *autotune_decision* ]] || fail "$output"
	echo garbage >"$ROOT/$note"
	expect 4 ksmctl metrics -s "$ROOT"
	stderr_is "ksmctl: warning: /$note: not readable: unexpected contents"
	strict
	[[ $output != *autotune* && $output == *ksm_saved_bytes* ]] || fail "$output"
	rm -r "$ROOT/run"
	expect 0 ksmctl metrics -s "$ROOT"
	[[ $output != *autotune* ]] || fail "$output"
}
