//! flags: -r:System.dll -r:System.Core.dll
using System;
using System.Linq;
using System.Text.RegularExpressions;

class RegexBasics
{
    static void M(string pattern, string text, RegexOptions o = RegexOptions.None)
    {
        Match m = Regex.Match(text, pattern, o);
        Console.WriteLine(pattern + " on " + text.Replace("\n", "\\n") + ": " + (m.Success ? "'" + m.Value.Replace("\n", "\\n") + "' at " + m.Index + " groups " + string.Join(",", m.Groups.Cast<Group>().Select(g => g.Success ? g.Value : "-")) : "no match"));
    }

    static void Main()
    {
        M("a+b", "xaaab"); M("^(\\d{3})-(\\d+)$", "123-4567"); M("(a)|(b)", "cb"); M("(?<year>\\d{4})-(?<month>\\d\\d)", "on 2024-05-06"); M("hello", "HELLO", RegexOptions.IgnoreCase); M("^b", "a\nb", RegexOptions.Multiline); M("a.b", "a\nb", RegexOptions.Singleline); M("a b # comment", "ab", RegexOptions.IgnorePatternWhitespace);
        M("(\\w)\\1", "hello"); M("a*?b", "aaab"); M("(?=foo)f", "xfoo"); M("(?<!x)y", "xyy"); M("(?>a+)ab", "aaab"); M("[^a-c\\s]+", "ab cde"); M("\\bcat\\b", "concat cat"); M("x{2,3}", "xxxxx"); M("\\p{Lu}\\p{Ll}+", "the Ünder"); M("(?:ab){2}", "ababab"); M("(a(b(c)))", "abc"); M("a(?i)B", "ab"); M("\\u0041\\x42", "AB"); M("[a-z-[aeiou]]+", "aeixyz"); M("(?<open>\\()+[^()]*(?<-open>\\))+(?(open)(?!))", "((x))"); M("z", "abc"); M("", "abc"); M("$", "ab\n"); M("\\Z", "ab\n"); M("(b)?a", "a"); M("l+", "hello", RegexOptions.RightToLeft); M("[\\d-x]+", "12-x");
        Console.WriteLine(Regex.Replace("2024-05-06", "(\\d+)-(\\d+)-(\\d+)", "$3/$2/$1 $$ $& $`|$'") + " " + Regex.Replace("aBc", "[a-z]", m => m.Value.ToUpperInvariant() + m.Index) + " " + new Regex("a").Replace("aaaa", "b", 2) + " " + Regex.Replace("John Smith", "(?<first>\\w+) (?<last>\\w+)", "${last}, ${first}"));
        Console.WriteLine(string.Join("|", Regex.Split("a1b22c", "\\d+")) + " " + string.Join("|", Regex.Split("a,b;c", "([,;])")) + " " + string.Join("|", new Regex(",").Split("a,b,c,d", 2)));
        Console.WriteLine(string.Join(" ", Regex.Matches("one two  three", "\\w+").Cast<Match>().Select(m => m.Value + m.Index)) + " " + Regex.IsMatch("abc", "b") + " " + Regex.Escape("a.b*c[d]") + " " + Regex.Unescape("\\.\\*\\n").Length);
        var r = new Regex("(?<a>x)(y)(?<b>z)", RegexOptions.Compiled);
        Console.WriteLine(string.Join(",", r.GetGroupNames()) + " " + string.Join(",", r.GetGroupNumbers()) + " " + r.GroupNumberFromName("b") + " " + r + " " + r.Match("xyz").Result("<${a}$1>"));
        var captures = Regex.Match("abcabd", "(ab.)+").Groups[1].Captures;
        Console.WriteLine(string.Join(",", captures.Cast<Capture>().Select(c => c.Value + c.Index)));
        foreach (string bad in new[] { "(", "a**", "[z-a]", "(?<n", "\\", "a{3,2}" }) try { new Regex(bad); Console.WriteLine("accepted " + bad); } catch (ArgumentException e) { Console.WriteLine(e.Message); }
        string csv = "a,\"b,c\",d"; Console.WriteLine(string.Join("|", Regex.Matches(csv, "\"[^\"]*\"|[^,]+").Cast<Match>().Select(m => m.Value)));
        string text = string.Concat(Enumerable.Repeat("the quick brown fox jumps over the lazy dog ", 200)); Console.WriteLine(Regex.Matches(text, "\\b\\w*o\\w*\\b").Count + " " + Regex.Replace(text, "\\s+", "").Length);
        for (Match m = Regex.Match("k1=v1;k2=v2", "(\\w+)=(\\w+)"); m.Success; m = m.NextMatch()) Console.Write(m.Groups[1] + "->" + m.Groups[2] + " ");
        Console.WriteLine();
    }
}
