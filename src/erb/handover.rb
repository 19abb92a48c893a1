# Evaluates the ERB template on standard input, whose path is the argument. Answers on standard output with pieces, each a
# line `KIND LINE BYTES` and so many bytes: T for text of the template, V for what a tag printed, E for an error.
module Handover
  class Failed < StandardError; end

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

    def run(path)
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
      pieces(path).each do |kind, line, text|
        answer << "#{kind} #{line} #{text.bytesize}\n" << text.b
      end
      answer.flush
    end

    private

    def pieces(path)
      template = Template.new(@source, trim_mode: "-")
      template.filename = path
      template.result.pieces
    rescue Exception => error
      [["E", line(error, path), hidden(words(error))]]
    end

    def line(error, path)
      return error.message[/:(\d+):/, 1].to_i if error.is_a?(SyntaxError)

      error.backtrace_locations&.find { |place| place.path == path }&.lineno.to_i
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
      else
        raised = error.backtrace_locations&.first&.base_label == "<main>"
        raised ? "the template raised an error: #{error.message}" : "#{error.class} raised"
      end
    end

    def hidden(text)
      @known.flat_map { |value| [value, *value.lines.map(&:chomp)] }
            .select { |value| value.bytesize >= 6 }
            .reduce(text) { |shown, value| shown.gsub(value) { "[REDACTED]" } }
    end
  end
end

Handover.run(ARGV.fetch(0))
