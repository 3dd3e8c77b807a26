//! Media types of files.

use image::ImageFormat;

/// The type of a file about which nothing is known.
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file: by its content if that is an image that is read here, else by the
/// extension of its name.
pub(super) fn of(format: Option<ImageFormat>, name: &str) -> &'static str {
    match format {
        Some(format) => format.to_mime_type(),
        None => by_extension(name),
    }
}

/// Leaves out the images that are known by their content: whatever has such a name and other
/// content is none.
fn by_extension(name: &str) -> &'static str {
    let Some((_, extension)) = name.rsplit_once('.') else { return UNKNOWN };
    match extension.to_ascii_lowercase().as_str() {
        "7z" => "application/x-7z-compressed",
        "aac" => "audio/aac",
        "avif" => "image/avif",
        "avi" => "video/x-msvideo",
        "bmp" => "image/bmp",
        "bz2" => "application/x-bzip2",
        "c" | "h" | "cpp" | "log" | "py" | "rs" | "sh" | "text" | "toml" | "txt" => "text/plain",
        "css" => "text/css",
        "csv" => "text/csv",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "epub" => "application/epub+zip",
        "flac" => "audio/flac",
        "gz" | "tgz" => "application/gzip",
        "heic" => "image/heic",
        "htm" | "html" => "text/html",
        "ics" => "text/calendar",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "m4a" => "audio/mp4",
        "md" => "text/markdown",
        "mkv" => "video/matroska",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "odp" => "application/vnd.oasis.opendocument.presentation",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "odt" => "application/vnd.oasis.opendocument.text",
        "oga" | "ogg" | "opus" => "audio/ogg",
        "pdf" => "application/pdf",
        "ppt" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "rar" => "application/vnd.rar",
        "rtf" => "application/rtf",
        "svg" => "image/svg+xml",
        "tar" => "application/x-tar",
        "tif" | "tiff" => "image/tiff",
        "vcf" => "text/vcard",
        "wav" => "audio/wav",
        "webm" => "video/webm",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_outweighs_the_extension() {
        assert_eq!(of(Some(ImageFormat::Png), "letter.pdf"), "image/png");
    }

    #[test]
    fn extension_is_read_in_any_case() {
        assert_eq!(of(None, "Letter.PDF"), "application/pdf");
        assert_eq!(of(None, "archive.tar.gz"), "application/gzip");
    }

    #[test]
    fn image_name_without_image_content_is_no_image() {
        assert_eq!(of(None, "photo.png"), UNKNOWN);
        assert_eq!(of(None, "photo"), UNKNOWN);
    }
}
