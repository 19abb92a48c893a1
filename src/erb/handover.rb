# Evaluates the ERB template on standard input. Answers on standard output with pieces, each a
# line `KIND LINE BYTES` and so many bytes: T for text of the template, V for what a tag printed, E for an error.
module Handover
  class Failed < StandardError; end

  # Where the template stands for Ruby: with a path without a directory, require_relative starts in the current one.
  NAME = "(erb)"

  # What the original tool had loaded when it evaluated a template. Some are gems in newer versions of Ruby.
  LIBRARIES = %w[
    base64 benchmark date digest fileutils forwardable io/console ipaddr json logger net/http ostruct open3 openssl optparse
    pathname pp securerandom set shellwords singleton socket stringio tempfile time timeout tmpdir uri yaml zlib
  ].freeze

  class Output
    attr_reader :pieces

    def initialize
      @pieces = []
    end

    def text(line, text)
      @pieces << ["T", line, text]
    end

    def value(line, text)
      @pieces << ["V", line, text.to_s]
    end

    def <<(text)
      value(caller_locations(1, 1).first.lineno, text)
    end
    alias concat <<
  end

  class Template < ERB
    def set_eoutvar(compiler, name = "_erbout")
      compiler.put_cmd = "#{name}.text __LINE__,"
      compiler.insert_cmd = "#{name}.value __LINE__,"
      compiler.pre_cmd = ["#{name} = Handover::Output.new"]
      compiler.post_cmd = [name]
    end
  end

  # A command that fails ends the template, unless the template looks at the status itself.
  module Commands
    def `(command)
      printed = super
      Handover.known << printed.strip
      unless $?.success? || Handover.source.include?("$?")
        raise Failed, "`#{command[/\A[\w.\/-]+(?=\s)/] || "a command"}` failed: exit status #{$?.exitstatus || 128 + $?.termsig}"
      end
      printed
    end
  end

  class << self
    attr_reader :known, :source

    def run
      @source = STDIN.read
      @known = ENV.map { |name, value| value if @source.include?(name) }.compact
      answer = STDOUT.dup.binmode
      STDOUT.reopen(STDERR)
      begin
        STDIN.reopen("/dev/tty")
      rescue SystemCallError
        STDIN.reopen(File::NULL)
      end
      Object.prepend(Commands)
      libraries
      pieces.each do |kind, line, text|
        answer << "#{kind} #{line} #{text.bytesize}\n" << text.b
      end
      answer.flush
    end

    private

    def pieces
      template = Template.new(@source, trim_mode: "-")
      template.filename = NAME
      template.result.pieces
    rescue Exception => error
      [["E", line(error), hidden(words(error))]]
    end

    def libraries
      LIBRARIES.each do |library|
        require library
      rescue LoadError
        next
      end
    end

    def line(error)
      return error.message[/:(\d+):/, 1].to_i if error.is_a?(SyntaxError)

      error.backtrace_locations&.find { |place| place.path == NAME }&.lineno.to_i
    end

    # What Ruby itself says may show values: only what the template raises is taken as it is.
    def words(error)
      case error
      when SyntaxError then "invalid Ruby syntax"
      when NoMethodError then "unknown method `#{error.name}`"
      when NameError then "unknown name `#{error.name}`"
      when KeyError then "missing key `#{error.key}`"
      when LoadError then "cannot load `#{error.path}`"
      when SystemExit then "the template exited"
      when Failed then error.message
      when SystemCallError then system_call(error)
      else
        raised = error.backtrace_locations&.first&.base_label == "<main>"
        raised ? "the template raised an error: #{error.message}" : "#{error.class} raised"
      end
    end

    # The error of the system, with the path that the call names: "No such file or directory @ rb_sysopen - PATH".
    def system_call(error)
      path = error.message[/ - (.+)\z/m, 1]
      what = SystemCallError.new(nil, error.errno).message
      what = what[0].downcase + what[1..]
      path ? "#{what}: `#{path}`" : what
    end

    def hidden(text)
      @known.flat_map { |value| [value, *value.lines.map(&:chomp)] }
            .select { |value| value.bytesize >= 6 }
            .reduce(text) { |shown, value| shown.gsub(value) { "[REDACTED]" } }
    end
  end
end

# Methods of ActiveSupport that templates of the original tool could rely on.
class Object
  def blank?
    respond_to?(:empty?) ? !!empty? : !self
  end

  def present?
    !blank?
  end

  def presence
    self if present?
  end

  def in?(other)
    other.include?(self)
  end
end

class String
  def blank?
    match?(/\A[[:space:]]*\z/)
  end

  def squish
    gsub(/[[:space:]]+/, " ").strip
  end
end

class Numeric
  def blank?
    false
  end
end

Handover.run
