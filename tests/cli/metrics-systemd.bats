#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# metrics-systemd.bats - ksm-metrics.service under systemd itself: that its restrictions
# leave it all that it needs, and nothing else. It changes nothing of this machine.

load ../lib/helpers
load ../lib/manager

BUILT=$KSM_BUILDDIR/tools/packaging/metrics/ksm-metrics.service

setup() {
	need_root
	[[ -f $BUILT ]] || skip "no build tree"
	[[ -d /sys/kernel/mm/ksm ]] || skip "no KSM here"
	manager_room
	mkdir "$ROOM/out/text"
}

# started NAME OPTIONS [LINE...]: the unit NAME, with OPTIONS, and LINEs in place of a
# drop-in; its file is in out/text.
started() {
	sed -E -e 's,^ExecStart=[^ ]*,ExecStart=/run/t/build/ksmctl,' \
		-e '/^\[Unit\]/aDefaultDependencies=no' "$BUILT" >"$ROOM/units/$1.service"
	mkdir "$ROOM/units/$1.service.d"
	printf '%s\n' '[Service]' 'Environment=KSM_METRICS_DIR=/run/t/room/out/text' \
		"Environment=\"KSM_METRICS_OPTIONS=$2\"" ReadWritePaths=/run/t/room/out/text \
		"StandardOutput=append:/run/t/room/out/$1.log" StandardError=inherit \
		Environment=ASAN_OPTIONS=detect_leaks=0 "${@:3}" \
		>"$ROOM/units/$1.service.d/local.conf"
	unit trial.target Requires=other.service Wants="$1.service" Wants=end.service
	unit other.service '[Service]' User=65534 'ExecStart=/bin/sleep 600'
	unit end.service After="$1.service" '[Service]' Type=oneshot \
		'ExecStart=/bin/touch /run/t/room/out/done'
	sed -i '/^DefaultDep/aAfter=other.service' "$ROOM/units/$1.service"
	boot
	log=$(cat "$ROOM/out/$1.log" 2>&1)
}

@test "the service under systemd writes the figures of the whole system" {
	started ksm-metrics ""
	same "what it said" "$log" ""
	same "files" "$(ls -A "$ROOM/out/text")" ksm.prom
	same "mode" "$(stat -c %a "$ROOM/out/text/ksm.prom")" 644
	grep -q '^node_ksmd_run ' "$ROOM/out/text/ksm.prom"
	! grep -E '^ksm_(process|group)_' "$ROOM/out/text/ksm.prom" || fail "of processes"
}

@test "the service under systemd can read the processes of others" {
	# It would be warned of, and end with status 4: ksm_stat is for its owner.
	started ksm-metrics "--by unit --top 7"
	same "what it said" "$log" ""
	grep -q '^ksm_others ' "$ROOM/out/text/ksm.prom"
}

@test "without its capability, the service says what it could not read" {
	started ksm-metrics "--by unit" CapabilityBoundingSet= CapabilityBoundingSet=CAP_CHOWN
	contains "what it said" "$log" "ksmctl: warning: "
	contains "what it said" "$log" "of others could not be read"
	grep -q '^node_ksmd_run ' "$ROOM/out/text/ksm.prom"
}

@test "the service can write nowhere else" {
	for dir in /run /run/t/room /var/lib /root /home /sys/kernel/mm/ksm; do
		rm -rf "$ROOM/out" "$ROOM/units"
		mkdir -p "$ROOM/out/text" "$ROOM/units"
		started ksm-metrics "" "Environment=KSM_METRICS_DIR=$dir"
		contains "what it said of $dir" "$log" "ksmctl: $dir/ksm.prom: cannot create: "
	done
}
