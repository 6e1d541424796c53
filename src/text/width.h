/* width: how many columns of a terminal a character takes. Pure. */
#ifndef TEXT_WIDTH_H
#define TEXT_WIDTH_H

#include <stdint.h>

/* 0 for marks that join what is before them, 2 for East Asian wide forms and emoji, else 1. */
unsigned width_of(uint32_t cp);

#endif
