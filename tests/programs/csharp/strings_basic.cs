using System;

class StringsBasic
{
    const string Constant = "con" + "stant";

    static string Reverse(string text)
    {
        var chars = new char[text.Length];
        for (int i = 0; i < text.Length; i++)
            chars[text.Length - 1 - i] = text[i];
        return new string(chars);
    }

    static bool IsPalindrome(string text)
    {
        for (int i = 0, j = text.Length - 1; i < j; i++, j--)
            if (text[i] != text[j])
                return false;
        return true;
    }

    static string Repeat(string text, int count)
    {
        string result = "";
        while (count-- > 0)
            result += text;
        return result;
    }

    static int Hash(string text)
    {
        int hash = 5381;
        foreach (char c in text)
            hash = hash * 33 ^ c;
        return hash;
    }

    static void Main()
    {
        string text = "The quick brown fox";
        Console.WriteLine(text.Length);
        Console.WriteLine(text[4]);
        Console.WriteLine(text.Substring(4));
        Console.WriteLine(text.Substring(4, 5));
        Console.WriteLine(text.Substring(0, 0) == "");
        Console.WriteLine(text.Substring(text.Length) == string.Empty);
        Console.WriteLine(Reverse(text));
        Console.WriteLine(Reverse(""));
        Console.WriteLine(IsPalindrome("racecar"));
        Console.WriteLine(IsPalindrome("race car"));
        Console.WriteLine(Repeat("ab", 7));
        Console.WriteLine(Hash(text));
        Console.WriteLine(Hash(""));

        Console.WriteLine("a" + "b" + 1 + 'c' + true + null + 2L);
        Console.WriteLine(1 + 2 + "x" + 1 + 2);
        string nothing = null;
        Console.WriteLine(nothing + "|" + nothing + "|");
        Console.WriteLine((nothing + nothing).Length);
        Console.WriteLine(Constant);
        Console.WriteLine(string.Concat("p", "q", "r", "s"));
        Console.WriteLine(string.Concat(new string[] { "1", "2", null, "3", "4", "5" }));
        Console.WriteLine(string.IsNullOrEmpty(nothing));
        Console.WriteLine(string.IsNullOrEmpty(""));
        Console.WriteLine(string.IsNullOrEmpty("x"));

        string built = "con";
        built += "stant";
        Console.WriteLine(built == Constant);
        Console.WriteLine((object)built == (object)Constant);
        Console.WriteLine(built != "Constant");
        Console.WriteLine(built.Equals(Constant));
        Console.WriteLine(built.Equals((object)"other"));
        Console.WriteLine(built.Equals(null));
        Console.WriteLine(string.Equals(nothing, null));
        Console.WriteLine(nothing == "");

        Console.WriteLine(new string('x', 5));
        Console.WriteLine(new string('x', 0).Length);
        Console.WriteLine(new string(new char[] { 'a', 'b', 'c', 'd' }, 1, 2));
        char[] chars = text.ToCharArray();
        chars[0] = 't';
        Console.WriteLine(new string(chars));
        Console.WriteLine(text);
        Console.WriteLine(text.ToCharArray(4, 5).Length);

        Console.WriteLine("tab\tquote\"backslash\\nul" + "\0".Length + "unicode\u00e9\u4e2d\u6587");
        Console.WriteLine("\u00e9\u4e2d\ud83d\ude00".Length);
        Console.WriteLine((int)"\u4e2d"[0]);
        Console.WriteLine(@"verbatim \n ""quoted""");

        try { Console.WriteLine(text[19]); }
        catch (IndexOutOfRangeException) { Console.WriteLine("index out of range"); }
        try { Console.WriteLine(text[-1]); }
        catch (IndexOutOfRangeException) { Console.WriteLine("negative index"); }
        try { Console.WriteLine(text.Substring(20)); }
        catch (ArgumentOutOfRangeException) { Console.WriteLine("argument out of range"); }
        try { Console.WriteLine(text.Substring(5, 100)); }
        catch (ArgumentOutOfRangeException) { Console.WriteLine("length out of range"); }
        try { Console.WriteLine(nothing.Length); }
        catch (NullReferenceException) { Console.WriteLine("null string"); }
    }
}
