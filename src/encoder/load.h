/* load: fills a laid-out model from files. */
#ifndef ENCODER_LOAD_H
#define ENCODER_LOAD_H

#include "encoder/model.h"
#include "encoder/weights.h"

/* Reads every tensor and, where `pack` says so, packs every matrix; without it matrices are read for w->hash only. The
 * work is shared by a few threads, gone on return. */
bool load_model(struct model *m, struct weights *w, bool pack, struct err *e);

/* Packs the layers whose weights were kept once more. */
void load_again(struct model *m);

#endif
