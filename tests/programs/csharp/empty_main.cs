class EmptyMain
{
    static void Main()
    {
    }
}
