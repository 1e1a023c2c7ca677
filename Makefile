# pithead: `make run` and `make check` do everything on a fresh Debian machine.
SHELL   := /bin/bash
BUILD   ?= build
CC      ?= gcc
PKGS    := ncursesw libmicrohttpd libcurl libcjson sqlite3 libpcre2-8 yaml-0.1 libcrypto libarchive
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wwrite-strings -Wno-format-nonliteral -Wno-format-truncation -Werror
CFLAGS  ?= -O2 -g
VERSION := 0.1.0
ALLFLAGS = -std=c11 -D_GNU_SOURCE -DPITHEAD_VERSION='"$(VERSION)"' $(CFLAGS) $(SANITIZE) $(WARN) \
           -I. -I$(BUILD)/gen $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS     = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread
Q       := $(if $(V),,@)

LIB_SRC := $(filter-out tui/main.c,$(wildcard backend/*.c backend/*/*.c tui/*.c tui/*/*.c panes/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
UNITS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c tests/*/*/test_*.c))
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
# Shipped files that are compiled in as the defaults: the file is the documentation.
EMBED   := keymap.conf $(wildcard themes/*.conf)

.PHONY: all run check bench soak lint asan install clean help fsm-doc packages test units
all: $(BUILD)/pithead

-include examples/flights/flights.mk
include tests/tests.mk

$(BUILD)/gen/embed.h: $(EMBED) Makefile
	$(Q)mkdir -p $(@D)
	$(Q){ echo '/* made from keymap.conf and themes/ */'; \
	  for f in $(EMBED); do \
	    printf 'static const char embed_%s[] =\n' "$$(echo $$f | sed 's|.*/||; s|\.conf||; s|[^a-z0-9]|_|g')"; \
	    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/\t"/; s/$$/\\n"/' $$f; echo ';'; done; } >$@.tmp && mv $@.tmp $@

$(BUILD)/%.o: %.c | $(BUILD)/gen/embed.h
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  cc $<")
	$(Q)$(CC) $(ALLFLAGS) -MMD -MP -c $< -o $@

# A stamp of the object list, so that a deleted file leaves no stale archive.
$(BUILD)/objects: FORCE
	$(Q)mkdir -p $(@D); echo '$(LIB_OBJ)' | cmp -s - $@ || echo '$(LIB_OBJ)' >$@
FORCE:

$(BUILD)/libpithead.a: $(LIB_OBJ) $(BUILD)/objects
	$(Q)rm -f $@; ar rcs $@ $(LIB_OBJ)

$(BUILD)/pithead: $(BUILD)/tui/main.o $(BUILD)/libpithead.a
	$(if $(V),,@echo "  ld $@")
	$(Q)$(CC) $(ALLFLAGS) $^ $(LIBS) -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
