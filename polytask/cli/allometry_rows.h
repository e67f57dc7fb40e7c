#pragma once
#include <polytask/allometry/allometry_coupling.h>
#include <polytask/allometry/kept_rows.h>
#include <polytask/allometry/raster_observations.h>
#include <polytask/io/csv.h>

#include <CLI/App.hpp>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Where the rows of a fit come from: a table, co-registered rasters, or the training rows of an experiment.
struct RowArguments {
  std::vector<std::string> inputs;  ///< the table, or the experiment and its overrides
  bool rasters = false, training = false;
  RasterLayers layers;  ///< of a table, the names of columns
  std::string group, coupling;
  CsvOptions csv;
  std::optional<double> min_height_m;
  uint64_t seed = 1;
  std::string biomass_unit;
};

void add_row_options(CLI::App& verb, RowArguments& arguments);

/// The rows, read, with what is known of them.
struct OpenedRows {
  KeptRows rows;
  std::string biomass_unit;  ///< "" where it was not asked for and nothing says it
  Node provenance;
  std::optional<AllometryOptions> coupling;  ///< of an experiment: what its coupling says of law and fit
};

/// Reads them. `needs_unit`: the unit of the biomass has to be known. Throws InputError for options that do not go with
/// where the rows come from, and for rasters whose biomass is said to be that of trees.
OpenedRows open_rows(const CLI::App& verb, const RowArguments& arguments, bool needs_unit);

}  // namespace polytask
