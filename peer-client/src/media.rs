//! tmp
pub fn safe_file_name(name: &str) -> String {
    name.to_owned()
}
