#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-host.bats - KSM_HOST: the running host, mounted elsewhere, as a container sees it;
# and the root of the image that is made for that, without a registry and a runtime.

load ../lib/helpers
load ../lib/live
load advise

setup() {
	need_ksm
	HOST=$BATS_TEST_TMPDIR/host
	mkdir -p "$HOST"
}

# within COMMAND...: with the host mounted below $HOST, in a namespace of mounts that ends.
within() {
	# shellcheck disable=SC2016
	unshare -m bash -ec 'mkdir -p "$0/proc" "$0/sys"
		mount --rbind /proc "$0/proc"
		mount --rbind /sys "$0/sys"
		exec "$@"' "$HOST" "$@"
}

@test "host: what is none is refused" {
	export KSM_HOST=$HOST
	for tool in ksmctl "ksm-estimate -q -p $$" "ksm-advise -p $$" "ksmtop -b -c 1"; do
		# shellcheck disable=SC2086
		expect 1 $tool
		stdout_is ""
		stderr_has "/proc: cannot open: what KSM_HOST names is no host's root"
	done
	# A dump is no host, and a dump is read as one whatever the environment says.
	use_root 6.12-busy
	KSM_HOST=$ROOT expect 1 ksmctl
	stderr_has "what KSM_HOST names is no host's root"
	expect 0 ksmctl get pages_to_scan -s "$ROOT"
	stdout_is 870
	# Nothing is asked for by nothing.
	KSM_HOST='' expect 0 ksmctl get pages_to_scan
}

@test "host: other process numbers are refused" {
	need_root
	need_mounts
	# shellcheck disable=SC2016
	expect 1 within unshare -pf env KSM_HOST="$HOST" ksmctl procs
	stdout_is ""
	stderr_has "proc of other process numbers than ours"
}

@test "host: tools see and change what runs there" {
	need_root
	need_mounts
	need_injection
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	export KSM_HOST=$HOST
	expect 0 within ksmctl procs -rn -a -p "$spawned" -o PID,USER,STATE,COMMAND
	stdout_is "$spawned 0 off sleep"
	expect 0 within ksmctl get run
	expect 0 within ksm-advise -q -p "$spawned"
	is_merging "$spawned" on
	expect 0 within ksm-estimate -q -rn -p "$spawned" -o PID,COMMAND
	stdout_is "$spawned sleep"
	expect 0 within ksm-advise -q -d -p "$spawned"
	is_merging "$spawned" off
}

@test "host: its absolute links stay on it" {
	need_root
	need_mounts
	mkdir -p "$HOST/var/log" "$HOST/data/pods/shop_web-0_3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
	ln -s /data/pods "$HOST/var/log/pods"
	export KSM_HOST=$HOST
	expect 0 within ksmctl dump -q -p $$ --with cgroup "$BATS_TEST_TMPDIR/dump"
	same pods "$(ls "$BATS_TEST_TMPDIR/dump/var/log/pods")" \
		"shop_web-0_3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
}

# make_image: the root that the image is made of; $image. Skips where its tools could not
# work on a process.
make_image() {
	local from=$BATS_TEST_TMPDIR/installed name

	need_root
	need_mounts
	need_injection
	need_plain
	need_autotune
	image=$BATS_TEST_TMPDIR/image
	mkdir -p "$from"/usr/{bin,sbin,share/ksm-utils}
	for name in ksmctl ksm-advise ksm-estimate ksmtop; do
		cp "$KSM_BUILDDIR/$name" "$from/usr/bin/"
	done
	cp "$KSM_BUILDDIR/ksm-autotune" "$from/usr/sbin/"
	"$KSM_SRCDIR/tools/packaging/kubernetes/collect" "$from" "$image"
	mkdir "$image/proc"
}

@test "chroot: a root that is no mount point" {
	make_image
	# What "/" is on is in no list of mounts, neither of the tool nor of its target.
	# shellcheck disable=SC2016
	inside=(unshare -m bash -ec 'mount --rbind /proc "$0/proc"; exec chroot "$0" "$@"' "$image")
	cp "$(command -v sleep)" "$image/usr/bin/"
	spawn "${inside[@]}" /usr/bin/ksm-advise -- /usr/bin/sleep 1000
	wait_until is_called "$spawned" sleep
	is_merging "$spawned" on
	expect 0 "${inside[@]}" /usr/bin/ksm-advise -q -d -p "$spawned"
	is_merging "$spawned" off
	expect 0 "${inside[@]}" /usr/bin/ksm-advise -q -p "$spawned"
	is_merging "$spawned" on
}

@test "host: the image's root, as a container has it" {
	make_image
	HOST=$image/host
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	# A runtime mounts the container's own proc, and its root is read-only.
	# shellcheck disable=SC2016
	inside() {
		within bash -ec 'mount --bind "$1" "$1"
			mount --rbind /proc "$1/proc"
			mkdir -p "$1/host/proc" "$1/host/sys"
			mount --rbind /proc "$1/host/proc"
			mount --rbind /sys "$1/host/sys"
			mount -o remount,bind,ro "$1"
			KSM_HOST=/host exec chroot "$@"' - "$image" "$@"
	}
	expect 0 inside /usr/bin/ksmctl procs -rn -a -p "$spawned" -o PID,USER,STATE,COMMAND
	stdout_is "$spawned 0 off sleep"
	expect 0 inside /usr/bin/ksm-advise -q -p "$spawned"
	is_merging "$spawned" on
	expect 0 inside /usr/bin/ksmctl metrics
	stdout_has ksm_page_size_bytes
	# Other files of the same run change the settings that are compared here.
	live_lock || skip "another test has this machine's KSM"
	was=$(cat "$ksm"/{run,pages_to_scan,sleep_millisecs})
	expect 0 inside /usr/sbin/ksm-autotune run --dry-run -c 1
	same "settings" "$(cat "$ksm"/{run,pages_to_scan,sleep_millisecs})" "$was"
	live_end
	# No shell is in it, nor anything else that was not asked for.
	same programs "$(cd "$image" && find . -path ./host -prune -o -type f -perm -100 -path '*bin/*' -print | sort | xargs)" \
		"./usr/bin/ksm-advise ./usr/bin/ksm-estimate ./usr/bin/ksmctl ./usr/bin/ksmtop ./usr/sbin/ksm-autotune"
}

# in_pod GROUP: a process with some MiB of its own that the other one has as well; $spawned.
in_pod() {
	mkfifo "$BATS_TEST_TMPDIR/stay.${1##*/}"
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(head -c 4000000 /dev/zero | tr "\0" x); echo >"$1/ready.$2"
		read -r <>"$1/stay.$2"; echo "${#text}"' - "$BATS_TEST_TMPDIR" "${1##*/}"
	mkdir -p "$1"
	echo "$spawned" >"$1/cgroup.procs"
	wait_until test -e "$BATS_TEST_TMPDIR/ready.${1##*/}"
}

@test "host: namespaces of Kubernetes that have equal pages" {
	need_root
	need_mounts
	[[ -d /sys/kernel/mm/ksm && -r /proc/kpageflags ]] || skip "frames cannot be seen"
	local base shop=3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11 bank=91c0b7de-5a02-4d3e-8f44-6b1a2c9e0d22
	# Version 1 where its path is what counts, else version 2.
	base=/sys/fs/cgroup/memory
	[[ -d $base ]] || base=/sys/fs/cgroup
	group=$base/ksm-test-$$
	mkdir "$group" || skip "no control group can be made here"
	in_pod "$group/pod$shop"
	first=$spawned
	in_pod "$group/pod$bank"
	mkdir -p "$HOST/var/log/pods/shop_web-0_$shop" "$HOST/var/log/pods/bank_ledger-0_$bank"
	export KSM_HOST=$HOST
	run --separate-stderr within ksm-estimate -rn --by namespace --pairs -o A,B,SELF \
		-p "$first,$spawned"
	kill "$first" "$spawned"
	empty() { rmdir "$group"/pod* "$group" 2>/dev/null; }
	wait_until empty
	same status "$status" 0
	[[ $output == *"bank shop no"* || $output == *"shop bank no"* ]] || fail "$output"
	stderr_has "1 pair of namespaces has equal pages: where both merge, who is in one can find out by timing"
}
