# Installs a formula for real, as far as ours goes: what it calls of Homebrew, in a few lines.
#
#   ruby formula.rb FORMULA DIST PYTHON PREFIX CELLAR
#
# Downloads are the files of that name in DIST. Runs the formula's test at the end. Written after
# https://docs.brew.sh/Formula-Cookbook and https://rubydoc.brew.sh/Formula.
require "digest"
require "fileutils"
require "open3"
require "pathname"
require "tmpdir"

FORMULA, DIST, PYTHON, PREFIX, CELLAR = ARGV.map { |word| Pathname(word) }

class Pathname
  def install(*sources)
    mkpath
    sources.flatten.each { |source| FileUtils.mv source, self / File.basename(source) }
  end

  def install_symlink(*sources)
    mkpath
    sources.each do |source|
      pairs = source.is_a?(Hash) ? source : { source => File.basename(source) }
      pairs.each { |from, name| File.symlink from, self / name }
    end
  end

  def write(text)
    raise "#{self} is there already" if exist?

    dirname.mkpath
    File.write self, text
  end
end

class Download
  def initialize(&block) = instance_eval(&block)

  def url(text, using:)
    raise "would be unpacked" unless using == :nounzip

    @file = DIST / File.basename(text)
    puts text
  end

  def sha256(digest)
    raise "#{@file.basename} has another digest" unless Digest::SHA256.file(@file).hexdigest == digest
  end

  def stage
    Dir.mktmpdir do |folder|
      FileUtils.cp @file, folder
      Dir.chdir(folder) { yield }
    end
  end
end

class Formula
  include FileUtils

  class << self
    attr_reader :main, :resources, :said, :tried

    def inherited(formula) = formula.instance_eval { @said, @resources = {}, {} }
    %i[desc homepage version license].each { |name| define_method(name) { |text| @said[name] = text } }
    def depends_on(name) = @said[:python] = name
    def livecheck = nil
    def url(text, **how) = @main = Download.new { url(text, **how) }
    def sha256(digest) = @main.sha256(digest)
    def resource(name, &block) = @resources[name] = Download.new(&block)
    def test(&block) = @tried = block
    def [](name) = name == EcrVend.said[:python] && Struct.new(:opt_bin).new(PYTHON.dirname)
  end

  def prefix = CELLAR
  def bin = prefix / "bin"
  def libexec = prefix / "libexec"
  def share = prefix / "share"
  def version = self.class.said[:version]
  def resource(name) = self.class.resources.fetch(name)

  def system(*words)
    Kernel.system(*words.map(&:to_s)) || raise("failed: #{words.join(" ")}")
  end

  def shell_output(command, expected = 0) = pipe_output(command, "", expected)

  def pipe_output(command, given, expected = 0)
    said, status = Open3.capture2(command, stdin_data: given)
    raise "#{command} ended with #{status.exitstatus}" unless status.exitstatus == expected

    said
  end

  def assert_match(part, whole) = whole.include?(part) || raise("no #{part} in #{whole}")
  def assert_equal(one, other) = one == other || raise("#{other} is not #{one}")
end

load FORMULA.to_s
formula = EcrVend.new
EcrVend.main.stage { formula.install }
# What `brew link` makes of it.
(PREFIX / "bin").install_symlink(*formula.bin.children)
formula.instance_eval(&EcrVend.tried)
