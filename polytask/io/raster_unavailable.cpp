#include <polytask/core/error.h>
#include <polytask/io/raster.h>

namespace polytask {
namespace {

[[noreturn]] void unavailable(const std::string& file) {
  throw InputError(
      "{}: this polytask was built without rasters: install GDAL (Debian: libgdal-dev) and build it with "
      "-DPOLYTASK_GDAL=ON",
      file);
}

}  // namespace

struct RasterHandles::Pool {};
struct RasterWriter::State {};

RasterHandles::RasterHandles(size_t) {}
RasterHandles::~RasterHandles() = default;

RasterFile::RasterFile(std::filesystem::path path, std::shared_ptr<RasterHandles> handles)
    : path_(std::move(path)), handles_(std::move(handles)) {
  unavailable(path_.string());
}
int64_t RasterFile::band_named(const std::string&) const { unavailable(path_.string()); }
at::Tensor RasterFile::read(const std::vector<BandReading>&, const RasterWindow&) const { unavailable(path_.string()); }
int64_t RasterFile::strip_bytes(int64_t) const { unavailable(path_.string()); }

RasterRowCache::RasterRowCache(const std::vector<const RasterFile*>& files, int64_t rows) {
  for (const auto* file : files) bytes_ += file->strip_bytes(rows);
}
RasterRowCache::~RasterRowCache() = default;

RasterWriter::RasterWriter(std::filesystem::path path, const RasterProduct&) { unavailable(path.string()); }
RasterWriter::~RasterWriter() = default;
RasterWriter::RasterWriter(RasterWriter&&) noexcept = default;
void RasterWriter::write(const at::Tensor&, int64_t, int64_t) { unavailable("raster"); }
void RasterWriter::complete() { unavailable("raster"); }
void RasterWriter::publish() { unavailable("raster"); }

bool same_crs(const std::string& a, const std::string& b) { return a == b; }

}  // namespace polytask
