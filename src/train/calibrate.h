/* calibrate: makes confidence mean the frequency of being right: logits are scaled, on rows the fit has not seen, so
 * that their likelihood is largest (Guo et al., "On Calibration of Modern Neural Networks", 2017: temperature and
 * vector scaling), as if two rows more had a label drawn by chance. The scaling is folded into the weights, so that it
 * costs nothing later. */
#ifndef TRAIN_CALIBRATE_H
#define TRAIN_CALIBRATE_H

#include "data/label.h"
#include "train/fit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum calibrate_method { CALIBRATE_NONE, CALIBRATE_TEMPERATURE, CALIBRATE_VECTOR, CALIBRATE_METHODS };

const char *calibrate_name(enum calibrate_method m); /* "none", "temperature", "vector" */

/* logit k becomes scale[k] * logit k + shift[k]. */
struct calibration {
    double scale[LABEL_MAX], shift[LABEL_MAX];
    double temperature; /* 1 / the mean scale */
};

/* Logits of rows held apart, [n][labels], with their labels. Labels a fit had no rows of (HEAD_BIAS_NEVER) are left as
 * they are. */
void calibrate_fit(struct calibration *c, enum calibrate_method method, const double *logit, const uint8_t *label,
                   size_t n, unsigned labels);

void calibrate_logits(const struct calibration *c, double *logit, unsigned labels); /* one row, in place */

void calibrate_fold(const struct calibration *c, struct fit_model *m); /* into the weights */

#endif
