using System;

class ArrayCopy
{
    static string Show(int[] a)
    {
        string text = "";
        foreach (int x in a)
            text += x + " ";
        return text;
    }

    static string Try(Action action)
    {
        try { action(); return "done"; }
        catch (ArrayTypeMismatchException) { return "mismatch"; }
        catch (InvalidCastException) { return "cast"; }
        catch (ArgumentOutOfRangeException) { return "out of range"; }
        catch (ArgumentNullException) { return "null"; }
        catch (ArgumentException) { return "argument"; }
        catch (RankException) { return "rank"; }
    }

    static void Main()
    {
        int[] source = { 1, 2, 3, 4, 5, 6, 7, 8 };
        int[] target = new int[10];
        Array.Copy(source, target, 5);
        Console.WriteLine(Show(target));
        Array.Copy(source, 2, target, 4, 6);
        Console.WriteLine(Show(target));
        Array.Copy(target, 0, target, 3, 6);
        Console.WriteLine(Show(target));
        Array.Copy(target, 3, target, 0, 6);
        Console.WriteLine(Show(target));
        int[] clone = (int[])source.Clone();
        clone[0] = 100;
        Console.WriteLine(source[0] + " " + clone[0] + " " + clone.Length);
        source.CopyTo(target, 1);
        Console.WriteLine(Show(target));
        Array.Clear(target, 2, 3);
        Console.WriteLine(Show(target));
        Array.Reverse(source);
        Console.WriteLine(Show(source));
        Array.Reverse(source, 1, 3);
        Console.WriteLine(Show(source));
        Console.WriteLine(Array.IndexOf(source, 4) + " " + Array.IndexOf(source, 44) + " " + Array.LastIndexOf(source, 8));
        Array.Resize(ref source, 4);
        Console.WriteLine(Show(source));
        Array.Resize(ref source, 6);
        Console.WriteLine(Show(source));

        string[] words = { "a", "b", "c" };
        object[] objects = new object[4];
        Array.Copy(words, 0, objects, 1, 3);
        Console.WriteLine((objects[0] == null) + " " + objects[1] + objects[2] + objects[3]);
        string[] back = new string[4];
        Console.WriteLine(Try(() => Array.Copy(objects, back, 4)));
        Console.WriteLine(back[3]);
        objects[2] = 5;
        Console.WriteLine(Try(() => Array.Copy(objects, back, 4)));
        Array.Copy(words, 0, words, 1, 2);
        Console.WriteLine(words[0] + words[1] + words[2]);

        long[] widened = new long[3];
        Array.Copy(new int[] { 7, -8, 9 }, widened, 3);
        Console.WriteLine(widened[0] + " " + widened[1] + " " + widened[2]);
        object[] boxes = new object[2];
        Array.Copy(new int[] { 70, 80 }, boxes, 2);
        Console.WriteLine((int)boxes[0] + (int)boxes[1]);
        int[] unboxed = new int[2];
        Array.Copy(boxes, unboxed, 2);
        Console.WriteLine(unboxed[1]);

        Console.WriteLine(Try(() => Array.Copy(new int[2], new string[2], 1)));
        Console.WriteLine(Try(() => Array.Copy(new int[2], new int[1], 2)));
        Console.WriteLine(Try(() => Array.Copy(new int[2], 1, new int[2], 0, 2)));
        Console.WriteLine(Try(() => Array.Copy(new int[2], new int[2], -1)));
        Console.WriteLine(Try(() => Array.Copy(null, new int[2], 1)));
        Console.WriteLine(Try(() => Array.Copy(new int[2, 2], new int[4], 4)));
        int[,] grid = { { 1, 2 }, { 3, 4 } };
        int[,] other = new int[2, 2];
        Array.Copy(grid, other, 3);
        Console.WriteLine(other[0, 0] + " " + other[0, 1] + " " + other[1, 0] + " " + other[1, 1]);
        int[,] cloned = (int[,])grid.Clone();
        cloned[1, 1] = 9;
        Console.WriteLine(grid[1, 1] + " " + cloned[1, 1]);

        byte[] bytes = new byte[8];
        Buffer.BlockCopy(new int[] { 0x01020304, 0x05060708 }, 2, bytes, 0, 6);
        string line = "";
        foreach (byte b in bytes)
            line += b + " ";
        Console.WriteLine(line);
    }
}
