#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/suggest.h>
#include <polytask/io/file_descriptor.h>
#include <polytask/io/raster.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gdal_priv.h>
#include <ogr_spatialref.h>
#include <unistd.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <limits>
#include <list>
#include <mutex>
#include <set>
#include <utility>

namespace polytask {
namespace {

namespace fs = std::filesystem;

/// While it lives, what GDAL reports in this thread is kept and not printed.
class GdalErrors {
 public:
  GdalErrors() { CPLPushErrorHandlerEx(&GdalErrors::keep, this); }
  ~GdalErrors() { CPLPopErrorHandler(); }
  GdalErrors(const GdalErrors&) = delete;
  GdalErrors& operator=(const GdalErrors&) = delete;

  bool failed() const { return !first_.empty(); }
  /// The first failure, as a reason that follows a colon.
  std::string reason() const { return first_.empty() ? "GDAL gives no reason" : first_; }

 private:
  static void CPL_STDCALL keep(CPLErr kind, CPLErrorNum, const char* message) {
    auto* errors = static_cast<GdalErrors*>(CPLGetErrorHandlerUserData());
    if (kind < CE_Failure)
      log_debug("GDAL: {}", message);
    else if (errors->first_.empty())
      errors->first_ = message;
  }

  std::string first_;
};

void prepare_gdal() {
  constexpr GIntBig kCacheBytes = 64 << 20;
  static std::once_flag once;
  std::call_once(once, [] {
    const GdalErrors quiet;
    GDALAllRegister();
    GDALSetCacheMax64(kCacheBytes);
  });
}

// By less than nothing where room is given back.
void enlarge_cache(int64_t bytes) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  const GdalErrors quiet;
  GDALSetCacheMax64(GDALGetCacheMax64() + bytes);
}

GDALDatasetUniquePtr open_dataset(const fs::path& path) {
  prepare_gdal();
  std::error_code ignored;
  const bool file_name = path.string().find(':') == std::string::npos;  // else maybe a name of GDAL's own
  if (file_name && !fs::exists(path, ignored)) throw InputError("{}: no such file", path.string());
  const GdalErrors errors;
  GDALDatasetUniquePtr dataset(
      GDALDataset::Open(path.c_str(), GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR));
  if (!dataset) throw InputError("{}: cannot be read as a raster: {}", path.string(), errors.reason());
  return dataset;
}

std::string type_name(GDALDataType type) {
  switch (type) {
    case GDT_Byte:
      return "uint8";
    case GDT_UInt16:
    case GDT_Int16:
    case GDT_UInt32:
    case GDT_Int32:
    case GDT_UInt64:
    case GDT_Int64:
    case GDT_Float32: {
      std::string name = GDALGetDataTypeName(type);
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      return name;
    }
    case GDT_Float64:
      return "float64";
    default:
      return "complex";
  }
}

std::optional<double> nodata_of(GDALRasterBand& band) {
  int given = 0;
  double value = 0;
  if (band.GetRasterDataType() == GDT_Int64)
    value = static_cast<double>(band.GetNoDataValueAsInt64(&given));
  else if (band.GetRasterDataType() == GDT_UInt64)
    value = static_cast<double>(band.GetNoDataValueAsUInt64(&given));
  else
    value = band.GetNoDataValue(&given);
  return given != 0 ? std::optional<double>(value) : std::nullopt;
}

RasterBand describe_band(GDALRasterBand& band) {
  RasterBand result;
  result.name = band.GetDescription();
  result.unit = band.GetUnitType();
  result.type = type_name(band.GetRasterDataType());
  result.nodata = nodata_of(band);
  int given = 0;
  if (const double scale = band.GetScale(&given); given != 0) result.scale = scale;
  if (const double offset = band.GetOffset(&given); given != 0) result.offset = offset;
  return result;
}

std::string crs_name(const OGRSpatialReference& crs) {
  const char* authority = crs.GetAuthorityName(nullptr);
  const char* code = crs.GetAuthorityCode(nullptr);
  if (authority != nullptr && code != nullptr) return fmt::format("{}:{}", authority, code);
  const char* name = crs.GetName();
  return name != nullptr ? name : "a CRS without a name";
}

RasterGrid describe_grid(GDALDataset& dataset) {
  RasterGrid grid;
  grid.width = dataset.GetRasterXSize();
  grid.height = dataset.GetRasterYSize();
  std::array<double, 6> transform{};
  if (dataset.GetGeoTransform(transform.data()) == CE_None) grid.transform = transform;
  const OGRSpatialReference* crs = dataset.GetSpatialRef();
  if (crs == nullptr || crs->IsEmpty()) return grid;
  char* wkt = nullptr;
  const char* options[] = {"FORMAT=WKT2_2018", nullptr};
  if (crs->exportToWkt(&wkt, options) == OGRERR_NONE) grid.crs = wkt;
  CPLFree(wkt);
  grid.crs_name = crs_name(*crs);
  return grid;
}

// The number that a stored nodata value has in a band of that type.
double as_stored(double nodata, const std::string& type) {
  return type == "float32" ? static_cast<double>(static_cast<float>(nodata)) : nodata;
}

bool read_window(GDALRasterBand& band, const RasterWindow& w, GDALDataType type, void* out) {
  const auto x = static_cast<int>(w.x), y = static_cast<int>(w.y);
  const auto width = static_cast<int>(w.width), height = static_cast<int>(w.height);
  return band.RasterIO(GF_Read, x, y, width, height, out, width, height, type, 0, 0, nullptr) == CE_None;
}

// Pixels that a mask in the file (not the band's nodata number alone, not an alpha band) declares missing become NaN.
bool apply_mask(GDALRasterBand& band, const RasterWindow& w, std::vector<double>& values) {
  const int flags = band.GetMaskFlags();
  if ((flags & (GMF_ALL_VALID | GMF_ALPHA)) != 0 || flags == GMF_NODATA) return true;
  std::vector<uint8_t> mask(values.size());
  if (!read_window(*band.GetMaskBand(), w, GDT_Byte, mask.data())) return false;
  for (size_t i = 0; i < mask.size(); ++i)
    if (mask[i] == 0) values[i] = std::numeric_limits<double>::quiet_NaN();
  return true;
}

void convert(const std::vector<double>& stored, const RasterBand& band, const BandReading& reading, float* out) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto nodata = reading.nodata ? reading.nodata : band.nodata;
  const double missing = nodata ? as_stored(*nodata, band.type) : std::numeric_limits<double>::quiet_NaN();
  const double scale = reading.scale.value_or(band.scale), offset = reading.offset.value_or(band.offset);
  const double low = reading.valid_min.value_or(-kInfinity), high = reading.valid_max.value_or(kInfinity);
  for (size_t i = 0; i < stored.size(); ++i) {
    const double value = stored[i] * scale + offset;
    const bool good = stored[i] != missing && std::isfinite(value) && value >= low && value <= high;
    out[i] = good ? static_cast<float>(value) : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

bool same_crs(const std::string& a, const std::string& b) {
  if (a == b) return true;
  if (a.empty() || b.empty()) return false;
  const GdalErrors quiet;
  OGRSpatialReference first, second;
  if (first.importFromWkt(a.c_str()) != OGRERR_NONE || second.importFromWkt(b.c_str()) != OGRERR_NONE) return false;
  const char* options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
  return first.IsSame(&second, options) != 0;
}

struct RasterHandles::Pool {
  explicit Pool(size_t most) : most_idle(most) {}

  GDALDatasetUniquePtr take(const fs::path& path) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      for (auto it = idle.begin(); it != idle.end(); ++it) {
        if (it->first != path) continue;
        GDALDatasetUniquePtr dataset = std::move(it->second);
        idle.erase(it);
        return dataset;
      }
    }
    return open_dataset(path);
  }

  void give_back(const fs::path& path, GDALDatasetUniquePtr dataset) {
    GDALDatasetUniquePtr closing;  // outside the lock
    const std::lock_guard<std::mutex> lock(mutex);
    idle.emplace_front(path, std::move(dataset));
    if (idle.size() <= most_idle) return;
    closing = std::move(idle.back().second);
    idle.pop_back();
  }

  std::mutex mutex;
  const size_t most_idle;
  std::list<std::pair<fs::path, GDALDatasetUniquePtr>> idle;  // the one used last comes first
};

RasterHandles::RasterHandles(size_t idle) : pool_(std::make_unique<Pool>(idle)) {}
RasterHandles::~RasterHandles() = default;

RasterFile::RasterFile(fs::path path, std::shared_ptr<RasterHandles> handles)
    : path_(std::move(path)), handles_(handles ? std::move(handles) : std::make_shared<RasterHandles>()) {
  GDALDatasetUniquePtr dataset = handles_->pool().take(path_);
  const GdalErrors quiet;
  grid_ = describe_grid(*dataset);
  for (int b = 1; b <= dataset->GetRasterCount(); ++b) bands_.push_back(describe_band(*dataset->GetRasterBand(b)));
  if (bands_.empty()) throw InputError("{}: the raster has no band", path_.string());
  handles_->pool().give_back(path_, std::move(dataset));
}

int64_t RasterFile::band_named(const std::string& text) const {
  std::vector<std::string> names;
  for (size_t b = 0; b < bands_.size(); ++b) {
    if (text == bands_[b].name || text == std::to_string(b + 1)) return static_cast<int64_t>(b);
    if (!bands_[b].name.empty()) names.push_back(bands_[b].name);
  }
  throw InputError("{}: there is no band \"{}\": the file has {} band{}{}", path_.string(), text, bands_.size(),
                   bands_.size() == 1 ? "" : "s",
                   names.empty() ? ", named by their numbers from 1" : did_you_mean(text, names));
}

at::Tensor RasterFile::read(const std::vector<BandReading>& bands, const RasterWindow& w) const {
  if (w.x < 0 || w.y < 0 || w.width < 1 || w.height < 1 || w.x + w.width > grid_.width || w.y + w.height > grid_.height)
    throw InputError("{}: the window of {} × {} pixels at column {}, row {} is not inside the raster of {} × {}",
                     path_.string(), w.width, w.height, w.x, w.y, grid_.width, grid_.height);
  GDALDatasetUniquePtr dataset = handles_->pool().take(path_);
  const GdalErrors errors;
  at::Tensor result = at::empty({static_cast<int64_t>(bands.size()), w.height, w.width}, at::kFloat);
  std::vector<double> stored(static_cast<size_t>(w.width * w.height));
  for (size_t i = 0; i < bands.size(); ++i) {
    const RasterBand& about = bands_.at(static_cast<size_t>(bands[i].band));
    if (about.type == "complex")
      throw InputError("{}: band {} holds complex numbers: give a file of their power", path_.string(),
                       bands[i].band + 1);
    GDALRasterBand& band = *dataset->GetRasterBand(static_cast<int>(bands[i].band) + 1);
    if (!read_window(band, w, GDT_Float64, stored.data()) || !apply_mask(band, w, stored))
      throw InputError("{}: band {} cannot be read at columns {} to {}, rows {} to {}: {}", path_.string(),
                       bands[i].band + 1, w.x, w.x + w.width - 1, w.y, w.y + w.height - 1, errors.reason());
    convert(stored, about, bands[i], result.data_ptr<float>() + static_cast<int64_t>(i) * w.width * w.height);
  }
  handles_->pool().give_back(path_, std::move(dataset));
  return result;
}

int64_t RasterFile::strip_bytes(int64_t rows) const {
  constexpr int64_t kMost = 256 << 20;
  GDALDatasetUniquePtr dataset = handles_->pool().take(path_);
  GDALRasterBand& band = *dataset->GetRasterBand(1);
  int width = 0, height = 0;
  band.GetBlockSize(&width, &height);
  const int64_t row =
      static_cast<int64_t>(width) * GDALGetDataTypeSizeBytes(band.GetRasterDataType()) * dataset->GetRasterCount();
  handles_->pool().give_back(path_, std::move(dataset));
  return width < grid_.width ? 0 : std::min(row * std::min(rows + height, grid_.height), kMost);
}

RasterRowCache::RasterRowCache(const std::vector<const RasterFile*>& files, int64_t rows) {
  std::set<fs::path> counted;
  for (const auto* file : files)
    if (counted.insert(file->path()).second) bytes_ += file->strip_bytes(rows);
  enlarge_cache(bytes_);
}

RasterRowCache::~RasterRowCache() { enlarge_cache(-bytes_); }

struct RasterWriter::State {
  fs::path path, temporary;
  std::optional<double> nodata;
  GDALDatasetUniquePtr dataset;

  [[noreturn]] void fail(const std::string& reason) const {
    throw InputError("{}: cannot be written: {}", path.string(), reason);
  }
  ~State() {
    const GdalErrors quiet;
    if (dataset) dataset->MarkSuppressOnClose();
    dataset.reset();
    std::error_code ignored;
    if (!temporary.empty()) fs::remove(temporary, ignored);
  }
};

namespace {

GDALDatasetUniquePtr create_geotiff(const fs::path& path, const RasterProduct& product) {
  prepare_gdal();
  GDALDriver* driver = GetGDALDriverManager()->GetDriverByName("GTiff");
  if (driver == nullptr) throw InputError("{}: this GDAL writes no GeoTIFF", path.string());
  const GDALDataType type = product.type == "uint8" ? GDT_Byte : product.type == "uint16" ? GDT_UInt16 : GDT_Float32;
  CPLStringList options;
  options.SetNameValue("TILED", "YES");
  options.SetNameValue("BLOCKXSIZE", std::to_string(product.block).c_str());
  options.SetNameValue("BLOCKYSIZE", std::to_string(product.block).c_str());
  options.SetNameValue("COMPRESS", "DEFLATE");
  options.SetNameValue("PREDICTOR", type == GDT_Float32 ? "3" : "2");
  options.SetNameValue("BIGTIFF", "IF_SAFER");
  return GDALDatasetUniquePtr(driver->Create(path.c_str(), static_cast<int>(product.grid.width),
                                             static_cast<int>(product.grid.height),
                                             static_cast<int>(product.bands.size()), type, options.List()));
}

void describe_product(GDALDataset& dataset, const RasterProduct& product) {
  if (product.grid.transform) {
    auto transform = *product.grid.transform;
    dataset.SetGeoTransform(transform.data());
  }
  if (OGRSpatialReference crs;
      !product.grid.crs.empty() && crs.importFromWkt(product.grid.crs.c_str()) == OGRERR_NONE) {
    crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
    dataset.SetSpatialRef(&crs);
  }
  for (const auto& [key, text] : product.metadata) dataset.SetMetadataItem(key.c_str(), text.c_str());
  for (size_t b = 0; b < product.bands.size(); ++b) {
    GDALRasterBand& band = *dataset.GetRasterBand(static_cast<int>(b) + 1);
    band.SetDescription(product.bands[b].name.c_str());
    if (!product.bands[b].unit.empty()) band.SetUnitType(product.bands[b].unit.c_str());
    if (product.nodata) band.SetNoDataValue(*product.nodata);
  }
}

}  // namespace

RasterWriter::RasterWriter(fs::path path, const RasterProduct& product) : state_(std::make_unique<State>()) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) throw InputError("{}: cannot be written: is a directory", path.string());
  state_->path = std::move(path);
  state_->temporary =
      state_->path.parent_path() / fmt::format(".{}.{}.tmp", state_->path.filename().string(), getpid());
  state_->nodata = product.nodata;
  const GdalErrors errors;
  state_->dataset = create_geotiff(state_->temporary, product);
  if (state_->dataset) describe_product(*state_->dataset, product);
  if (!state_->dataset || errors.failed()) state_->fail(errors.reason());
}

RasterWriter::~RasterWriter() = default;
RasterWriter::RasterWriter(RasterWriter&&) noexcept = default;

void RasterWriter::write(const at::Tensor& values, int64_t x, int64_t y) {
  at::Tensor dense = values.to(at::kFloat);
  if (state_->nodata) dense = at::where(dense.isnan(), at::full({}, *state_->nodata, at::kFloat), dense);
  dense = dense.contiguous();
  const auto bands = static_cast<int>(dense.size(0));
  const auto height = static_cast<int>(dense.size(1)), width = static_cast<int>(dense.size(2));
  const GdalErrors errors;
  if (state_->dataset->RasterIO(GF_Write, static_cast<int>(x), static_cast<int>(y), width, height,
                                dense.data_ptr<float>(), width, height, GDT_Float32, bands, nullptr, 0, 0, 0,
                                nullptr) != CE_None)
    state_->fail(errors.reason());
}

void RasterWriter::complete() {
  const GdalErrors errors;
  state_->dataset.reset();
  if (errors.failed()) state_->fail(errors.reason());
  const FileDescriptor file(::open(state_->temporary.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open() || fsync(file.number()) != 0) state_->fail(system_reason(errno));
}

void RasterWriter::publish() {
  if (::rename(state_->temporary.c_str(), state_->path.c_str()) != 0) state_->fail(system_reason(errno));
  state_->temporary.clear();
}

}  // namespace polytask
