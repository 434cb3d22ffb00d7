# SPDX-License-Identifier: MIT
# Beagle: one non-recursive Makefile. `make help` lists the targets.
#
#   BUILD=dir   where everything goes (default build)
#   CC=clang    another compiler
#   SAN=1       AddressSanitizer and UndefinedBehaviorSanitizer (default BUILD then build/san)
#   WERROR=1    warnings are errors (CI)
#   SAMPLE=1    the sample module is linked in

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:

SAN ?=
BUILD ?= $(if $(SAN),build/san,build)
# one spelling, whoever calls (ci/test has it absolute): the dependencies below name their targets by it
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
OBJ := $(BUILD)/obj
BIN := $(BUILD)/bin
TST := $(BUILD)/tests

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion $(if $(WERROR),-Werror)
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
OPT ?= -O2 -g
CPPFLAGS := -I. -D_GNU_SOURCE
# $(call version,FILE): only what says the version is compiled anew when it changes (ccache)
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
version = $(if $(findstring BEAGLE_VERSION,$(file <$1)),-DBEAGLE_VERSION='"$(VERSION)"')
$(OBJ)/server/modules/modules.o: CPPFLAGS += $(if $(SAMPLE),-DSAMPLE_MODULE)
CFLAGS := -std=c17 $(OPT) $(WARN) $(SANFLAGS)
LDFLAGS := $(SANFLAGS) -pthread

PROGRAMS := server loadgen conformance captures reports
FOLDERS := server/base server/wire server/net server/media/pack server/media/format server/media server/core server/modules server \
	conformance/oracle conformance captures reports loadgen

src = $(sort $(wildcard $1/*.c))
obj = $(patsubst %.c,$(OBJ)/%.o,$1)
# objects of a folder, its main() left out
lib = $(call obj,$(filter-out %/main.c,$(call src,$1)))
libs = $(foreach f,$1,$(call lib,$f))

pkg_server := inih libssl libcrypto zlib libsystemd libseccomp
pkg_loadgen := libcurl libpcap jansson libcyaml libssl libcrypto
pkg_conformance := yaml-0.1 libcurl libpcap jansson libssl libcrypto
pkg_captures := libpcap jansson libcrypto
pkg_reports := jansson

# who is linked with whom: the same table as ci/layers checks over #include
parts_server := server/base server/wire server/net server/media/pack server/media/format server/media server/core server/modules server
parts_loadgen := server/base server/wire server/net conformance/oracle captures reports loadgen
parts_conformance := server/base conformance/oracle captures reports conformance
parts_captures := server/base conformance/oracle captures
parts_reports := server/base reports

# what loaded modules may call of the server
exports := server/core/module.list
link_server := -Wl,--dynamic-list=$(exports)

# A tree may hold only some of the folders (the harness is built without the server's codecs to
# prove that it doesn't need them): what has a main.c is built.
HAVE := $(foreach p,$(PROGRAMS),$(if $(wildcard $p/main.c),$p))
BINS := $(foreach p,$(HAVE),$(BIN)/beagle-$p)
UNITS := $(foreach p,$(HAVE),$(if $(wildcard $p/tests/*.c),$(TST)/unit-$p))

all: $(BINS)

# The caller may override the packages' flags; pkg-config is asked once per program.
define program
$(BIN)/beagle-$1: $(call obj,$1/main.c) $(call libs,$(parts_$1))
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$(CC) $(LDFLAGS) $(link_$1) -o $$@ $$(filter %.o,$$^) $$(shell pkg-config --libs $(pkg_$1)) -lm

$(TST)/unit-$1: $$(call obj,$$(call src,$1/tests)) $$(if $$(filter server,$1),,$(OBJ)/server/tests/unit.o) $(call libs,$(sort $(parts_$1) server/base server/wire server/net))
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$(CC) $(LDFLAGS) $(link_$1) -o $$@ $$(filter %.o,$$^) $$(shell pkg-config --libs $(pkg_$1) cunit jansson libssl libcrypto) -lm
endef
$(foreach p,$(HAVE),$(eval $(call program,$p)))

$(BIN)/beagle-server $(TST)/unit-server: $(exports)

# Modules to be loaded (--modules): X_module.c makes X.so.
MODULES := $(patsubst server/modules/%_module.c,$(BUILD)/modules/%.so,$(wildcard server/modules/*_module.c))
modules: $(MODULES)
$(BUILD)/modules/%.so: server/modules/%_module.c $(wildcard server/*/*.h) server/prefs.def
	@mkdir -p $(@D)
	@echo "  MODULE  $@"
	@$(CC) $(CPPFLAGS) -DMODULE_SHARED $(CFLAGS) -fPIC -shared -pthread -o $@ $<

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(call version,$<) $(CFLAGS) -pthread -MMD -MP -c -o $@ $<

# the assembler takes these in, which -MMD does not see
$(OBJ)/reports/embed.o: $(wildcard reports/page.css reports/plots/*.gp)

# a file that the assembler reads: -MMD does not see it
$(OBJ)/server/media/builtin.o: server/tests/media/clip.mp4

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# What ci/bench compares the server with: the media's packets, the load generator's ear.
BARE := $(if $(and $(wildcard ci/bare/main.c),$(wildcard loadgen/main.c)),$(BUILD)/bench/bare)
bare_parts := server/base server/wire server/net server/media/pack server/media/format server/media
bench: all $(BARE)
# an archive, for of the load generator only the ear is wanted
$(BUILD)/bench/loadgen.a: $(call lib,loadgen)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^
$(BUILD)/bench/bare: $(call obj,$(call src,ci/bare)) $(BUILD)/bench/loadgen.a $(call libs,$(bare_parts))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(sort $(pkg_server))) -lm

units: $(UNITS) $(BARE)

# ---- the two commands of the README ----

demo:
	@ci/demo

test:
	@ci/test

# ---- fuzzing (clang only; ASan and UBSan on) ----

FUZZERS := $(foreach f,$(wildcard */fuzz/fuzz_*.c),$(BUILD)/fuzz/$(basename $(notdir $f)))
FUZZSAN := address,undefined
FUZZFLAGS := -fsanitize=fuzzer-no-link,$(FUZZSAN) -fno-sanitize-recover=all
fuzz: $(FUZZERS)
fuzz_parts_server := server/base server/wire server/net server/media/pack server/media/format server/media server/core server/modules
fuzz_parts_conformance := server/base server/wire conformance/oracle
fuzz_parts_captures := server/base conformance/oracle captures
# compiled once for all targets of a build
$(BUILD)/fuzzobj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  FUZZ CC $<"
	@clang $(CPPFLAGS) $(call version,$<) -std=c17 -O1 -g $(WARN) $(FUZZFLAGS) -pthread -MMD -MP -c -o $@ $<

# beside fuzz_NAME.c, what only targets of this folder use
define fuzzer
$(BUILD)/fuzz/$(basename $(notdir $1)): $(BUILD)/fuzzobj/$(1:.c=.o) $(patsubst %.c,$(BUILD)/fuzzobj/%.o,$(filter-out $(dir $1)fuzz_%,$(wildcard $(dir $1)*.c))) $(foreach f,$(fuzz_parts_$(firstword $(subst /, ,$1))),$(patsubst %.c,$(BUILD)/fuzzobj/%.o,$(filter-out %/main.c,$(call src,$f))))
	@mkdir -p $$(@D)
	@echo "  FUZZ    $$@"
	@clang -fsanitize=fuzzer,$(FUZZSAN) -pthread -o $$@ $$^ $$(shell pkg-config --libs $(pkg_$(firstword $(subst /, ,$1)))) -lm
endef
$(foreach f,$(wildcard */fuzz/fuzz_*.c),$(eval $(call fuzzer,$f)))

-include $(shell find $(BUILD)/fuzzobj -name '*.d' 2>/dev/null)

format:
	@git ls-files -- '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build the programs into $(BIN)"
	@echo "make demo       install what is missing, build, run everything once, write a report"
	@echo "make test       install what is missing, build, run all tests"
	@echo "make units      build the unit tests into $(TST)"
	@echo "make bench      build what ci/bench needs"
	@echo "make modules    build the modules that can be loaded into $(BUILD)/modules"
	@echo "make fuzz       build the fuzz targets into $(BUILD)/fuzz (clang)"
	@echo "make format     clang-format the tree"
	@echo "make clean      remove $(BUILD)"

.PHONY: all units bench modules demo test fuzz format clean help
