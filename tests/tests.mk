# tests.mk: how tests are built and run. Units mirror the tree (tests/backend/base/test_buf.c).
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(SUPPORT) $(BUILD)/libpithead.a
	$(if $(V),,@echo "  ld $@")
	$(Q)$(CC) $(ALLFLAGS) $(filter %.o,$^) $(BUILD)/libpithead.a -lcmocka $(LIBS) -o $@

units: $(UNITS)
	$(Q)for t in $(UNITS); do echo "== $$t"; $$t || exit 1; done
