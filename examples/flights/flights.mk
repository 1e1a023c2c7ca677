# flights.mk: the example project, included by the root Makefile after its
# flags are set. All paths are relative to the root of the repository.
# It also works alone: make -f examples/flights/flights.mk flights
BUILD ?= build
Q ?= $(if $(V),,@)
CFLAGS ?= -O2 -g
FLIGHTS_WARN = $(or $(WARN),-Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Werror)
FLIGHTS_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(SANITIZE) $(FLIGHTS_WARN)

FLIGHTS_SRC := examples/flights
FLIGHTS_OUT := $(BUILD)/examples/flights
FLIGHTS_PROGRAMS := prepare evaluate serve replay
FLIGHTS_BINS := $(FLIGHTS_PROGRAMS:%=$(FLIGHTS_OUT)/%)

# LIBLINEAR needs BLAS, which Debian reaches through /etc/alternatives: a
# sandbox that sees /usr alone would not find it. So its real directory goes
# into the server, and as RPATH, since RUNPATH is not asked for a library's
# own needs.
FLIGHTS_BLAS = $(patsubst %/,%,$(dir $(realpath $(shell $(CC) \
	-print-file-name=libblas.so.3))))

FLIGHTS_OBJ_prepare := prepare common features table
FLIGHTS_OBJ_evaluate := evaluate bundle common features table
FLIGHTS_OBJ_serve := serve request bundle common features
FLIGHTS_OBJ_replay := replay sender outcomes schedule common features table
FLIGHTS_LIBS_prepare := -lz -lm
FLIGHTS_LIBS_evaluate := -llinear -lz -lm
FLIGHTS_LIBS_serve = -llinear -lmicrohttpd -lcjson -lm -lpthread \
	-Wl,--disable-new-dtags,-rpath,$(FLIGHTS_BLAS)
FLIGHTS_LIBS_replay := -lcurl -lz -lm

.PHONY: flights flights-programs test-flights

flights: $(FLIGHTS_OUT)/bundles/.made
flights-programs: $(FLIGHTS_BINS)

test-flights: flights
	$(Q)sh tests/examples/flights.sh $(FLIGHTS_OUT)

$(FLIGHTS_OUT)/%.o: $(FLIGHTS_SRC)/%.c $(FLIGHTS_SRC)/flights.mk
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc $<")
	$(Q)$(CC) $(FLIGHTS_CFLAGS) -MMD -MP -c $< -o $@

define flights_program
$(FLIGHTS_OUT)/$(1): $(FLIGHTS_OBJ_$(1):%=$(FLIGHTS_OUT)/%.o)
	$$(if $$(V),,@echo "  ld $$@")
	$$(Q)$$(CC) $$(FLIGHTS_CFLAGS) $$^ $$(FLIGHTS_LIBS_$(1)) -o $$@
endef
$(foreach p,$(FLIGHTS_PROGRAMS),$(eval $(call flights_program,$(p))))

$(FLIGHTS_OUT)/bundles/.made: $(FLIGHTS_BINS) $(FLIGHTS_SRC)/train.sh \
		$(FLIGHTS_SRC)/bundles.sh $(FLIGHTS_SRC)/data/flights.csv.gz \
		$(wildcard $(FLIGHTS_SRC)/versions/*.conf)
	$(if $(V),,@echo "  train, bundle v1 .. v5")
	$(Q)sh $(FLIGHTS_SRC)/bundles.sh $(FLIGHTS_OUT) $(FLIGHTS_OUT)/bundles
	@touch $@

-include $(wildcard $(FLIGHTS_OUT)/*.d)
