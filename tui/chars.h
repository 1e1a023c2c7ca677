/* chars.h: plain forms of characters; for canvas.c and chart.c alone. */
#ifndef PITHEAD_TUI_CHARS_H
#define PITHEAD_TUI_CHARS_H

#include <stdint.h>

/* The ASCII sign that stands for cp ("?" when there is none better). */
uint32_t char_plain_form(uint32_t cp);

#endif
