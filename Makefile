# SPDX-License-Identifier: LGPL-2.1-or-later
# The usual commands, from a fresh clone, as root or as a user with sudo.

MESON = /usr/bin/meson
BUILD = build
PREFIX = /usr/local
TESTFLAGS =
KERNELFLAGS =
GUESTS = linux-6.1
BENCHFLAGS =
LOADFLAGS =
FAULTSFLAGS =
SECONDS = 600
SANITIZED = -Db_sanitize=address,undefined -Dbuildtype=debugoptimized \
	-Dc_args='-include $(CURDIR)/tests/lib/sanitizer.h'
BROKEN = -Dbroken=true -Dbuildtype=debugoptimized

.PHONY: all demo check check-analysers check-broken check-kernel check-kernel-full check-cross \
	check-load bench fuzz install clean

all:
	tools/setup build
	[ -f $(BUILD)/build.ninja ] || $(MESON) setup --prefix=$(PREFIX) $(BUILD)
	$(MESON) compile -C $(BUILD)

demo: all
	tools/demo $(BUILD)/husk

# tools/tap-summary, not meson's status, decides: it knows which tests may be skipped.
check:
	tools/setup check
	rm -f $(BUILD)/meson-logs/testlog.json $(BUILD)-asan/meson-logs/testlog.json
	rm -f $(BUILD)-broken/meson-logs/testlog.json $(BUILD)*/meson-logs/again*.json
	$(MAKE) all
	[ -f $(BUILD)-werror/build.ninja ] || $(MESON) setup -Dwerror=true $(BUILD)-werror
	ninja -C $(BUILD)-werror all meson-test-prereq
	[ -f $(BUILD)-asan/build.ninja ] || $(MESON) setup $(SANITIZED) $(BUILD)-asan
	$(MESON) compile -C $(BUILD)-asan
	[ -f $(BUILD)-broken/build.ninja ] || $(MESON) setup $(BROKEN) $(BUILD)-broken
	$(MESON) compile -C $(BUILD)-broken
	-$(MESON) test -C $(BUILD) $(TESTFLAGS)
	-$(MESON) test -C $(BUILD)-broken --suite broken $(TESTFLAGS)
	-$(MESON) test -C $(BUILD)-asan --timeout-multiplier 2 \
		--no-suite kernel --no-suite check --no-suite budget --no-suite faults $(TESTFLAGS)
	tools/test-again $(BUILD)
	tools/test-again $(BUILD)-broken
	tools/test-again --timeout-multiplier 2 $(BUILD)-asan
	tools/tap-summary $(BUILD) $(BUILD)-asan $(BUILD)-broken

# Under Debian's own kernels, emulated: slow. What is downloaded is kept in ~/.cache.
check-kernel: all
	tools/setup kernel
	ninja -C $(BUILD) meson-test-prereq
	tools/check-kernel --build $(BUILD) $(KERNELFLAGS) $(GUESTS)

# With SELinux, and with an AppArmor that denies user namespaces.
check-kernel-full: GUESTS = selinux apparmor
check-kernel-full: check-kernel

# Every guard of husk that a test of tests/security is about is taken out once: that test must fail.
check-broken:
	tools/setup check
	[ -f $(BUILD)-broken/build.ninja ] || $(MESON) setup $(BROKEN) $(BUILD)-broken
	$(MESON) compile -C $(BUILD)-broken
	rm -f $(BUILD)-broken/meson-logs/testlog.json
	-$(MESON) test -C $(BUILD)-broken --suite broken $(TESTFLAGS)
	tools/tap-summary $(BUILD)-broken

# Debian's own tools as fake root: debootstrap, apt, dpkg, tar; takes some minutes. What is
# downloaded is kept in ~/.cache/husk-debs.
.PHONY: check-fake-root
check-fake-root: all
	tools/setup fakeroot
	rm -f $(BUILD)/meson-logs/testlog.json
	-$(MESON) test -C $(BUILD) --suite fakeroot $(TESTFLAGS)
	tools/tap-summary $(BUILD)

# As a machine of 32 bits, which this one's kernel runs, and as another one, emulated.
check-cross:
	tools/setup cross
	tools/check-cross

# What finds faults without running anything; every finding is an error.
check-analysers:
	tools/setup analysers
	tools/analyse

# Many sandboxes at once and in a row, killed at every moment; takes some minutes. They are those of
# a user who has nothing else running, whose keys and processes can be counted.
check-load: all
	HUSK_TEST_USER=huskload tools/setup load
	HUSK_TEST_USER=huskload HUSK=$(BUILD)/husk HUSK_BWRAP=$(BUILD)/libexec/husk/bwrap \
		tests/load/load.py $(LOADFLAGS)

# Every system call of a launch fails once, see tests/faults/faults.py: some minutes.
.PHONY: check-faults check-faults-bwrap
check-faults: all
	tools/setup check
	HUSK=$(abspath $(BUILD))/husk HUSK_BWRAP=$(abspath $(BUILD))/libexec/husk/bwrap \
		/usr/bin/python3 -B tests/faults/faults.py $(FAULTSFLAGS)

# The same of Debian's bwrap, to compare with: it fails.
check-faults-bwrap: override FAULTSFLAGS += --oracle
check-faults-bwrap: check-faults

# Of two builds: the default one, static where it can be, and the dynamic one.
bench: all
	tools/setup check
	[ -f $(BUILD)-dynamic/build.ninja ] || $(MESON) setup -Dstatic=false $(BUILD)-dynamic
	ninja -C $(BUILD)-dynamic husk
	tests/bench/bench.py --husk $(BUILD)/husk --bwrap $(BUILD)/libexec/husk/bwrap \
		--binary dynamic=$(BUILD)-dynamic/husk $(BENCHFLAGS)

# What the filter of --fake-root costs apt, in CPU time.
.PHONY: bench-filter
bench-filter: all
	tools/setup fakeroot
	tests/bench/filter.py --husk $(BUILD)/husk $(BENCHFLAGS)

# Work as fake root: husk, fakeroot, proot, and without.
.PHONY: bench-fake-root
bench-fake-root: all
	tools/setup bench
	tests/bench/fakeroot.py --husk $(abspath $(BUILD))/husk $(BENCHFLAGS)

fuzz: all
	tools/setup fuzz
	tools/fuzz $(BUILD) $(SECONDS)

install: all
	$(MESON) install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-broken \
		$(BUILD)-werror $(BUILD)-kernel \
		$(BUILD)-dynamic $(BUILD)-*-linux-gnu
